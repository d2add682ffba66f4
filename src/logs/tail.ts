import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { createSharedLock, type SharedLock } from '../kernel/shared-lock.ts';
import { matcher, sourceMatcher } from './entry.ts';
import { entryBytes, messageBytes } from './entry-size.ts';
import { list, scan } from './query.ts';
import type { ScanBudget } from './scan-budget.ts';
import type { LeavingFile } from './source-files.ts';
import type { LogEntry, Logs, TailItem } from './types.ts';
import type { Writer } from './writer.ts';

type TailOptions = Parameters<Logs['tail']>[0];

/** Of the files one step looks at so many entries: a removal waits for a step, and must not wait long. */
const stepEntries = 4000;
const pageEntries = 500;

/** A reader that follows: where it stands, and what it lost since its last item. */
interface Follower {
  cursor: number;
  readonly admits: (source: string) => boolean;
  readonly matches: (entry: LogEntry) => boolean;
  readonly lost: Map<string, number>;
}

/**
 * All who follow. What one is given and what it lost is exactly what was written: an entry that falls out of the ring while its file has gone, and one
 * whose file goes after it has fallen out of the ring, is lost to those who have not come to it; nobody reads files while one of them goes.
 */
export interface Followers {
  tail(writer: Writer, options: TailOptions): AsyncIterable<TailItem>;
  /** An entry left the ring. */
  fellOut(entry: LogEntry): void;
  /** A file is about to go; `remove` takes it away. */
  removing(file: LeavingFile, remove: () => Promise<void>): Promise<void>;
}

/** `floor`: every entry with a greater seq is in the ring. */
export function createFollowers(clock: Clock, floor: () => number): Followers {
  const followers = new Set<Follower>();
  const lock = createSharedLock();
  /** By source: up to this seq its files have gone, or are going. */
  const gone = new Map<string, number>();
  const lose = (entry: LogEntry, from: Iterable<Follower>): void => {
    if (entry.partial) return;
    for (const follower of from) if (follower.cursor < entry.seq && follower.admits(entry.source)) count(follower, entry.source, 1);
  };
  return {
    tail: (writer, options) => follow({ writer, options, clock, followers, lock }),
    fellOut(entry) {
      if (entry.seq <= (gone.get(entry.source) ?? 0)) lose(entry, followers);
    },
    removing: (file, remove) =>
      lock.alone(async () => {
        // From here on what falls out of the ring is lost; what has fallen out before is looked for in the file.
        const fallen = floor();
        for (const [source, last] of gone) if (last <= fallen) gone.delete(source);
        if (file.lastSeq > fallen) gone.set(file.source, file.lastSeq);
        const behind = [...followers].filter(({ cursor, admits }) => cursor < fallen && admits(file.source));
        if (behind.length > 0) {
          await file.each(Math.min(...behind.map(({ cursor }) => cursor)), (entry) => {
            if (entry.seq > fallen) return false;
            lose(entry, behind);
            return true;
          });
        }
        await remove();
      }),
  };
}

interface Following {
  readonly writer: Writer;
  readonly options: TailOptions;
  readonly clock: Clock;
  readonly followers: Set<Follower>;
  readonly lock: SharedLock;
}

async function* follow(context: Following): AsyncGenerator<TailItem> {
  const { writer, options, clock } = context;
  const follower: Follower = {
    cursor: startOf(options.afterCursor, writer.published()),
    admits: sourceMatcher(options.filter),
    matches: matcher(options.filter),
    lost: new Map(),
  };
  const stopCounting = writer.onDrop((source, n) => {
    if (follower.admits(source)) count(follower, source, n);
  });
  context.followers.add(follower);
  try {
    let toldMs = clock.monotonicMs();
    let hello: readonly LogEntry[] | undefined = options.afterCursor === undefined ? await backlog(writer, options, follower.cursor) : [];
    while (!options.signal.aborted) {
      const items: TailItem[] = hello ? [{ entries: hello, cursor: follower.cursor }] : await nextItems(context, follower);
      hello = undefined;
      if (items.length === 0 && clock.monotonicMs() - toldMs >= options.idleEveryMs) items.push({ entries: [], cursor: follower.cursor });
      for (const item of items) {
        if (options.signal.aborted) return;
        yield item;
      }
      if (items.length > 0) toldMs = clock.monotonicMs();
      else if (follower.cursor >= writer.published() && follower.lost.size === 0) {
        const waitMs = Math.max(1, toldMs + options.idleEveryMs - clock.monotonicMs());
        await somethingNew({ writer, clock, signal: options.signal, waitMs });
      }
    }
  } finally {
    stopCounting();
    context.followers.delete(follower);
  }
}

function startOf(afterCursor: number | undefined, published: number): number {
  if (afterCursor === undefined) return published;
  if (Number.isSafeInteger(afterCursor) && afterCursor >= 0 && afterCursor <= published) return afterCursor;
  throw new AgentError('CURSOR_INVALID', `log cursor ${afterCursor} is not one that this agent gave out: the newest is ${published}`, {
    metadata: { cursor: String(afterCursor), newest: String(published) },
  });
}

async function backlog(writer: Writer, options: TailOptions, upTo: number): Promise<LogEntry[]> {
  if (options.lines <= 0) return [];
  const { filter, signal } = options;
  const query = { order: 'desc', pageSize: options.lines, cursor: upTo + 1, ...(filter && { filter }), signal } as const;
  try {
    return (await list(writer.shelf(), query)).entries.toReversed();
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}

/** What is there for a follower now, and moves it on: from the ring while it keeps up, else from the files up to where the ring begins. */
async function nextItems(context: Following, follower: Follower): Promise<TailItem[]> {
  const { writer } = context;
  const entries = follower.cursor < writer.ring.floor() ? await fromFiles(context, follower) : fromRing(writer, follower);
  const items: TailItem[] = [];
  for (const [source, n] of follower.lost) items.push({ entries: [], dropped: { source, count: n }, cursor: follower.cursor });
  follower.lost.clear();
  if (entries.length > 0) items.push({ entries, cursor: follower.cursor });
  return items;
}

function fromRing(writer: Writer, follower: Follower): readonly LogEntry[] {
  const upTo = writer.published();
  if (follower.cursor >= upTo) return [];
  const { entries, cursor, done } = writer.ring.after(follower.cursor, follower.matches);
  // Seqs that the disk refused are in no ring: without them the look is over.
  follower.cursor = done ? Math.max(cursor, upTo) : cursor;
  return entries;
}

/** A step needs no place: a removal waits for it, and it must not wait for somebody's search. */
const noBudget: ScanBudget = { take: () => Promise.resolve(() => {}) };

function fromFiles({ writer, options, lock }: Following, follower: Follower): Promise<readonly LogEntry[]> {
  return lock.shared(async () => {
    const upTo = writer.ring.floor();
    const entries: LogEntry[] = [];
    let looked = 0;
    let bytes = 0;
    let full = false;
    let reached = follower.cursor;
    const query = { order: 'asc', cursor: follower.cursor, ...(options.filter && { filter: options.filter }) } as const;
    await scan({ ...writer.shelf(), budget: noBudget }, query, (entry) => {
      if (entry.seq > upTo) return false;
      const wanted = follower.matches(entry);
      if (wanted) bytes += entryBytes(entry);
      full = looked >= stepEntries || entries.length >= pageEntries || (entries.length > 0 && bytes > messageBytes);
      if (full) return false;
      if (wanted) entries.push(entry);
      looked += 1;
      reached = entry.seq;
      return true;
    });
    follower.cursor = full ? reached : upTo;
    return entries;
  });
}

function count(follower: Follower, source: string, n: number): void {
  if (n > 0) follower.lost.set(source, (follower.lost.get(source) ?? 0) + n);
}

/** Resolves when lines came or were lost, the wait is over, or the signal fires. */
function somethingNew(options: {
  readonly writer: Writer;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly waitMs: number;
}): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const stop of stops) stop();
      options.signal.removeEventListener('abort', done);
      resolve();
    };
    const stops = [options.writer.onPublish(done), options.writer.onDrop(done), options.clock.after(options.waitMs, done)];
    options.signal.addEventListener('abort', done, { once: true });
    if (options.signal.aborted) done();
  });
}
