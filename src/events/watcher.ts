import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { compileFilter } from './filter.ts';
import type { ScanArgs, ScanResult } from './journal-procedures.ts';
import { decodeBody } from './record.ts';
import { type Ring, type RingFilter, ringFilter } from './ring.ts';
import type { StoredEvent, WatchItem, WatchOptions } from './types.ts';

export interface WatchSource {
  readonly ring: Ring;
  readonly clock: Clock;
  /** Oldest revision kept; one above the newest when there is none. */
  readonly firstKept: () => number;
  /** Newest revision given out. */
  readonly last: () => number;
  readonly scan: (args: ScanArgs) => Promise<ScanResult>;
}

/** Events of one message from the journal. */
const pageEvents = 500;

/** Throws REVISION_COMPACTED or REVISION_AHEAD; answers the revision that the watch goes on from. */
export function startingPoint(afterRevision: number | undefined, { firstKept, last }: Pick<WatchSource, 'firstKept' | 'last'>): number {
  if (afterRevision === undefined) return last();
  const first = firstKept();
  if (afterRevision > last()) {
    throw new AgentError('REVISION_AHEAD', `revision ${afterRevision} was never given out: the newest is ${last()}`, {
      metadata: { last_revision: String(last()) },
    });
  }
  if (afterRevision === 0 || afterRevision >= first - 1) return Math.max(afterRevision, first - 1);
  throw new AgentError('REVISION_COMPACTED', `events after revision ${afterRevision} are no longer kept: the first kept is ${first}`, {
    metadata: { first_revision: String(first) },
  });
}

/**
 * A watch is only a cursor: it takes from the ring where it can and from the journal where it must, when its reader asks
 * for more. It has no queue, and between two messages nothing but one timer and one listener, which end with it.
 */
export async function* watch(source: WatchSource, options: WatchOptions): AsyncGenerator<WatchItem, void, undefined> {
  const { clock, ring } = source;
  const { signal, progressEveryMs } = options;
  const filter = ringFilter(options.filter, compileFilter);
  let cursor = startingPoint(options.afterRevision, source);
  let dueMs = clock.monotonicMs();
  while (!signal.aborted) {
    const step = await next(source, { cursor, filter, options });
    cursor = step.cursor;
    const silentTooLong = clock.monotonicMs() >= dueMs;
    const item: WatchItem | undefined = step.item ?? (silentTooLong ? { kind: 'progress', revision: cursor } : undefined);
    if (signal.aborted) return;
    if (item) {
      dueMs = clock.monotonicMs() + progressEveryMs;
      yield item;
      // The reader may have taken long: silence counts from when it was back.
      dueMs = Math.max(dueMs, clock.monotonicMs() + progressEveryMs);
    }
    if (cursor >= ring.last()) await news(source, signal, dueMs - clock.monotonicMs());
  }
}

interface Position {
  readonly cursor: number;
  readonly filter: RingFilter;
  readonly options: WatchOptions;
}

interface Step {
  readonly cursor: number;
  readonly item?: WatchItem;
}

async function next(source: WatchSource, at: Position): Promise<Step> {
  const { cursor, filter } = at;
  if (cursor >= source.ring.last()) return { cursor };
  const run = source.ring.after(cursor, filter);
  if (!run) return fromJournal(source, at);
  const { events, last } = run;
  return events.length > 0 ? { cursor: last, item: { kind: 'events', events, revision: last } } : { cursor: last };
}

async function fromJournal(source: WatchSource, { cursor, options }: Position): Promise<Step> {
  const result = await source.scan({ filter: options.filter, order: 'asc', from: cursor, limit: pageEvents });
  const first = result.first === 0 ? result.last + 1 : result.first;
  if (first > cursor + 1) return gap(cursor + 1, first - 1);
  const events: readonly StoredEvent[] = result.events.map(({ revision, body }) => decodeBody(revision, body));
  if (events.length > 0) {
    const revision = result.damaged ? result.scanned - 1 : result.scanned;
    return { cursor: revision, item: { kind: 'events', events, revision } };
  }
  if (result.damaged) return gap(result.scanned, result.scanned);
  return { cursor: Math.max(cursor, result.scanned) };
}

function gap(fromRevision: number, toRevision: number): Step {
  const count = toRevision - fromRevision + 1;
  return { cursor: toRevision, item: { kind: 'gap', fromRevision, toRevision, count, revision: toRevision } };
}

/** Resolves at the next news, after `ms`, or when the signal fires; leaves nothing behind. */
function news({ ring, clock }: WatchSource, signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stopListening();
      stopTimer();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const stopListening = ring.onNews(done);
    const stopTimer = clock.after(Math.max(0, ms), done);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
