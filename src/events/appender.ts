import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import type { AppendResult, CompactResult, Window } from './journal-procedures.ts';
import { decodeBody, type MeasuredEvent, type Row, toRow } from './record.ts';
import type { Ring, SizedEvent } from './ring.ts';
import type { JournalStats, Receipt } from './types.ts';

/** Bytes of events that may wait for the disk; above it publishing is refused. */
const waitingBytes = 64 * 1024 * 1024;

/** The journal's figures, kept beside the database so that they can be asked for at any moment. */
export interface Appender {
  /** All or none. Resolves when durable, in the order of the revisions. */
  append(events: readonly MeasuredEvent[]): Promise<readonly Receipt[]>;
  removed(result: CompactResult): void;
  /** Reads the figures anew: after the store lost a thread, what it answered last is unknown. */
  resync(): Promise<void>;
  stats(): JournalStats;
  /** Oldest revision kept; one above the newest when there is none. */
  firstKept(): number;
}

export interface AppenderOptions {
  readonly store: Store;
  readonly ring: Ring;
  readonly window: Window;
  readonly ageMs: () => number;
  readonly counted: (stored: number, duplicates: number) => void;
}

export function createAppender({ store, ring, window, ageMs, counted }: AppenderOptions): Appender {
  let { last, count, bytes } = window;
  let first = window.first === 0 ? last + 1 : window.first;
  let waiting = 0;

  const take = (events: readonly MeasuredEvent[], rows: readonly Row[], results: readonly AppendResult[]): readonly Receipt[] => {
    const stored: SizedEvent[] = [];
    const receipts = results.map(({ revision, body }, i): Receipt => {
      if (body !== undefined) return { event: decodeBody(revision, body), duplicate: true };
      const event = { revision, ...(events[i] as MeasuredEvent).event };
      const size = (rows[i] as Row).bytes;
      bytes += size;
      stored.push({ event, bytes: size });
      return { event, duplicate: false };
    });
    count += stored.length;
    last = Math.max(last, stored.at(-1)?.event.revision ?? 0);
    if (stored.length > 0) ring.push(stored);
    counted(stored.length, results.length - stored.length);
    return receipts;
  };

  return {
    async append(events) {
      const age = ageMs();
      const rows = events.map((event) => toRow(event, age));
      const size = rows.reduce((sum, row) => sum + row.bytes, 0);
      if (waiting > 0 && waiting + size > waitingBytes) {
        throw new AgentError('INGEST_OVERLOADED', `${waiting} bytes of events wait for the disk already`, { retryAfterMs: 250 });
      }
      waiting += size;
      try {
        return take(events, rows, await store.write<readonly AppendResult[]>('events', 'append', rows, rows.length));
      } finally {
        waiting -= size;
      }
    },
    removed(result) {
      count -= result.removed;
      bytes -= result.removedBytes;
      first = result.first === 0 ? Math.max(result.last, last) + 1 : result.first;
    },
    async resync() {
      const now = await store.read<Window>('events', 'window', undefined);
      if (now.last <= last) return;
      ({ last, count, bytes } = now);
      first = now.first === 0 ? last + 1 : now.first;
      ring.reset(last);
    },
    stats: () => ({ firstRevision: count > 0 ? first : 0, lastRevision: last, count, bytes }),
    firstKept: () => first,
  };
}
