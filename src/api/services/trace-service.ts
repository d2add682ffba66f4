/** TraceService: what happened under one trace id. */
import { TraceFilterSchema, type TraceService } from '../../../gen/es/sboxagent/v1/trace_service_pb.js';
import { traceIdOfText } from '../../kernel/trace-id.ts';
import { callSignal } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { askedPage } from '../convert/page.ts';
import { summaryMessage, traceFilter, traceMessage } from '../convert/trace.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

export function traceService({ traces }: Pick<ServiceDeps, 'traces'>): ServiceOf<typeof TraceService> {
  return {
    getTrace: async ({ traceId }, context) => traceMessage(await traces.get(traceIdOfText(traceId) ?? traceId, callSignal(context))),

    async listTraces(request, context) {
      const said = [encodeMessage(TraceFilterSchema, request.filter ?? {})];
      const asked = askedPage(request, { list: 'traces', said, cursor: 'string' });
      const query = { filter: traceFilter(request.filter), pageSize: asked.size, cursor: asked.after };
      const { traces: found, nextCursor } = await traces.list(query, callSignal(context));
      return { traces: found.map(summaryMessage), nextPageToken: asked.token(nextCursor) };
    },
  };
}
