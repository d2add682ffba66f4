/** LogService: what processes and the agent wrote. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { LogFilterSchema } from '../../../gen/es/sboxagent/v1/log_pb.js';
import type { LogService } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import type { Logs } from '../../logs/types.ts';
import { callSignal, endingOf } from '../calls.ts';
import { entryMessage, logCursor, logFilter } from '../convert/log.ts';
import { pageBinding, pageSize, pageToken, readPageToken } from '../convert/page.ts';

const defaultLines = 10;

export interface LogServiceDeps {
  readonly logs: Pick<Logs, 'list' | 'tail'>;
  /** Longest silence of a tail. */
  readonly pingIntervalMs: () => number;
}

export function logService({ logs, pingIntervalMs }: LogServiceDeps): ServiceImpl<typeof LogService> {
  return {
    async listLogs(request, context) {
      const order = request.orderBy === 'time' || request.orderBy === 'time asc' ? 'asc' : 'desc';
      const binding = pageBinding('logs', toBinary(LogFilterSchema, request.filter ?? create(LogFilterSchema)), order);
      const cursor = readPageToken(request.pageToken, binding, 'number');
      const filter = logFilter(request.filter);
      const { entries, nextCursor } = await logs.list({
        order,
        pageSize: pageSize(request.pageSize),
        signal: callSignal(context),
        ...(filter !== undefined && { filter }),
        ...(cursor !== undefined && { cursor }),
      });
      return { entries: entries.map(entryMessage), nextPageToken: pageToken(binding, nextCursor) };
    },

    async *tailLogs(request, context) {
      const signal = callSignal(context);
      const filter = logFilter(request.filter);
      const afterCursor = logCursor(request.afterCursor);
      const options = { lines: request.lines ?? defaultLines, idleEveryMs: pingIntervalMs(), signal };
      for await (const item of logs.tail({
        ...options,
        ...(filter !== undefined && { filter }),
        ...(afterCursor !== undefined && { afterCursor }),
      })) {
        yield {
          entries: item.entries.map(entryMessage),
          ...(item.dropped !== undefined && { dropped: { ...item.dropped } }),
          cursor: String(item.cursor),
        };
      }
      const ending = endingOf(signal);
      if (ending !== undefined) throw ending;
    },
  };
}
