import type { Logs } from '../logs/index.ts';
import type { FindLines } from '../traces/index.ts';

/** Pages of lines that one question may cost. */
const mostPages = 10;

/** Lines of all sources that carry a trace id. */
export function traceLines(logs: Pick<Logs, 'list'>): FindLines {
  return async ({ traceId, sinceMs, untilMs, limit, signal }) => {
    const filter = { traceId, ...(sinceMs !== undefined && { sinceMs }), ...(untilMs !== undefined && { untilMs }) };
    const found: Awaited<ReturnType<Logs['list']>>['entries'][number][] = [];
    let cursor: number | undefined;
    for (let n = 0; n < mostPages && found.length < limit; n++) {
      const page = await logs.list({ filter, order: 'asc', pageSize: limit, signal, ...(cursor !== undefined && { cursor }) });
      found.push(...page.entries);
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    return found.slice(0, limit).map(({ seq, ...line }) => ({ cursor: String(seq), ...line }));
  };
}
