/** LogService: what processes and the agent wrote. */
import { LogFilterSchema } from '../../../gen/es/sboxagent/v1/log_pb.js';
import type { LogService } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import type { TailItem } from '../../logs/types.ts';
import { callSignal } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { entryMessage, logCursor, logFilter } from '../convert/log.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { fedStream } from './fed-stream.ts';

const defaultLines = 10;

const messages = feedMapping(({ entries, dropped, cursor }: TailItem) => ({
  ...{ entries: entries.map(entryMessage), dropped, cursor: String(cursor) },
}));

export function logService({ logs, api }: Pick<ServiceDeps, 'logs' | 'api'>): ServiceOf<typeof LogService> {
  return {
    async listLogs(request, context) {
      const order = request.orderBy === 'time' || request.orderBy === 'time asc' ? 'asc' : 'desc';
      const said = [encodeMessage(LogFilterSchema, request.filter ?? {}), order];
      const asked = askedPage(request, { list: 'logs', said, cursor: 'number' });
      const filter = logFilter(request.filter);
      const signal = callSignal(context);
      const { entries, nextCursor } = await logs.list({ filter, order, pageSize: asked.size, cursor: asked.after, signal });
      return { entries: entries.map(entryMessage), nextPageToken: asked.token(nextCursor) };
    },

    tailLogs(request, context) {
      const filter = logFilter(request.filter);
      const afterCursor = logCursor(request.afterCursor);
      const { pingIntervalMs } = api().streams;
      const feed = logs.feed({ filter, afterCursor, lines: request.lines ?? defaultLines, idleEveryMs: pingIntervalMs });
      return fedStream(mapFeed(feed, messages), context);
    },
  };
}
