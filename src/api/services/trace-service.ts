/** TraceService: what happened under one trace id. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { TraceFilterSchema, type TraceService } from '../../../gen/es/sboxagent/v1/trace_service_pb.js';
import { traceIdOfText } from '../../kernel/trace-id.ts';
import type { Traces } from '../../traces/types.ts';
import { callSignal } from '../calls.ts';
import { pageBinding, pageSize, pageToken, readPageToken } from '../convert/page.ts';
import { summaryMessage, traceFilter, traceMessage } from '../convert/trace.ts';

export interface TraceServiceDeps {
  readonly traces: Traces;
}

export function traceService({ traces }: TraceServiceDeps): ServiceImpl<typeof TraceService> {
  return {
    getTrace: async ({ traceId }, context) => traceMessage(await traces.get(traceIdOfText(traceId) ?? traceId, callSignal(context))),

    async listTraces(request, context) {
      const binding = pageBinding('traces', toBinary(TraceFilterSchema, request.filter ?? create(TraceFilterSchema)));
      const cursor = readPageToken(request.pageToken, binding, 'string');
      const filter = traceFilter(request.filter);
      const { traces: found, nextCursor } = await traces.list(
        { filter, pageSize: pageSize(request.pageSize), cursor },
        callSignal(context),
      );
      return { traces: found.map(summaryMessage), nextPageToken: pageToken(binding, nextCursor) };
    },
  };
}
