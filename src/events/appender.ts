import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import type { AppendResult, CompactResult, Window } from './journal-procedures.ts';
import { FreshReceipt, receiptOf } from './receipt.ts';
import { createRowPacker, decodeBody, type MeasuredEvent, type RowPacker } from './record.ts';
import type { Ring } from './ring.ts';
import type { JournalStats, Receipt } from './types.ts';

/** Bytes of events that may wait for the disk; above it publishing is refused. */
const waitingBytes = 64 * 1024 * 1024;
/** What is published in one turn of the event loop goes to the disk as one call of at most so many events, or bytes. */
const callEvents = 1000;
const callBytes = 4 * 1024 * 1024;

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

interface Publisher {
  readonly events: readonly MeasuredEvent[];
  resolve(receipts: readonly Receipt[]): void;
  reject(error: unknown): void;
}

/** What the disk said of all that was published in one turn. */
interface Settled {
  readonly sizes: readonly number[];
  readonly result: AppendResult;
}

interface Turn {
  readonly packer: RowPacker;
  readonly sizes: number[];
  bytes: number;
  readonly publishers: Publisher[];
}

function newTurn(): Turn {
  return { packer: createRowPacker(), sizes: [], bytes: 0, publishers: [] };
}

export function createAppender({ store, ring, window, ageMs, counted }: AppenderOptions): Appender {
  let { last, count, bytes } = window;
  let first = window.first === 0 ? last + 1 : window.first;
  let waiting = 0;

  const take = (events: readonly MeasuredEvent[], from: number, { sizes, result }: Settled): readonly Receipt[] => {
    const stored: FreshReceipt[] = [];
    const receipts = events.map(({ event: fresh }, i): Receipt => {
      const revision = result.revisions[from + i] ?? 0;
      const body = result.known.get(from + i);
      if (body !== undefined) return receiptOf(decodeBody(revision, body), { duplicate: true, bytes: 0 });
      const receipt = new FreshReceipt(revision, sizes[from + i] ?? 0, fresh);
      bytes += receipt.bytes;
      stored.push(receipt);
      return receipt;
    });
    count += stored.length;
    last = Math.max(last, stored.at(-1)?.revision ?? 0);
    if (stored.length > 0) ring.push(stored);
    counted(stored.length, receipts.length - stored.length);
    return receipts;
  };

  /** What was published in this turn. */
  let turn = newTurn();
  const flush = (): void => {
    const { packer, sizes, bytes: size, publishers } = turn;
    if (publishers.length === 0) return;
    turn = newTurn();
    store
      .write<AppendResult>('events', 'append', packer.rows, sizes.length)
      .finally(() => {
        waiting -= size;
      })
      .then(
        (result) => settle(publishers, { sizes, result }),
        (error: unknown) => {
          for (const { reject } of publishers) reject(error);
        },
      );
  };
  const settle = (publishers: readonly Publisher[], settled: Settled): void => {
    let from = 0;
    for (const { events, resolve } of publishers) {
      resolve(take(events, from, settled));
      from += events.length;
    }
  };
  const enqueue = (events: readonly MeasuredEvent[]): void => {
    const age = ageMs();
    for (const event of events) {
      const size = turn.packer.add(event, age);
      turn.sizes.push(size);
      turn.bytes += size;
      waiting += size;
    }
  };

  return {
    append(events) {
      const size = events.reduce((sum, { wireBytes }) => sum + wireBytes, 0);
      if (waiting > 0 && waiting + size > waitingBytes) {
        const message = `${waiting} bytes of events wait for the disk already`;
        return Promise.reject(new AgentError('INGEST_OVERLOADED', message, { retryAfterMs: 250 }));
      }
      return new Promise((resolve, reject) => {
        if (turn.publishers.length > 0 && (turn.sizes.length + events.length > callEvents || turn.bytes + size > callBytes)) flush();
        if (turn.publishers.length === 0) setImmediate(flush);
        enqueue(events);
        turn.publishers.push({ events, resolve, reject });
      });
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
