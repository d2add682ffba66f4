/** LogService: what processes and the agent wrote. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { LogFilterSchema } from '../../../gen/es/sboxagent/v1/log_pb.js';
import { type LogService, TailLogsResponseSchema } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import type { Logs, TailItem } from '../../logs/types.ts';
import { callSignal } from '../calls.ts';
import { entryMessage, logCursor, logFilter } from '../convert/log.ts';
import { pageBinding, pageSize, pageToken, readPageToken } from '../convert/page.ts';
import { fedStream } from './fed-stream.ts';

const defaultLines = 10;

export interface LogServiceDeps {
  readonly logs: Pick<Logs, 'list' | 'feed'>;
  /** Longest silence of a tail. */
  readonly pingIntervalMs: () => number;
}

const messages = feedMapping(({ entries, dropped, cursor }: TailItem) =>
  create(TailLogsResponseSchema, {
    entries: entries.map(entryMessage),
    ...(dropped !== undefined && { dropped: { ...dropped } }),
    cursor: String(cursor),
  }),
);

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

    tailLogs(request, context) {
      const filter = logFilter(request.filter);
      const afterCursor = logCursor(request.afterCursor);
      const feed = logs.feed({
        ...{ lines: request.lines ?? defaultLines, idleEveryMs: pingIntervalMs() },
        ...(filter !== undefined && { filter }),
        ...(afterCursor !== undefined && { afterCursor }),
      });
      return fedStream(mapFeed(feed, messages), context);
    },
  };
}
