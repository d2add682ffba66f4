import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { type Blob, readForward } from './blob.ts';
import { matcher, sourceMatcher } from './entry.ts';
import { list } from './query.ts';
import type { LogEntry, Logs, TailItem } from './types.ts';
import type { Writer } from './writer.ts';

type TailOptions = Parameters<Logs['tail']>[0];

const pageSize = 500;
/** Of the files more at once: a compressed one is unpacked for each page. */
const filePageSize = 2000;

/** A reader that follows: where it stands, and what it lost since its last item. */
interface Follower {
  cursor: number;
  readonly admits: (source: string) => boolean;
  readonly lost: Map<string, number>;
}

export interface Followers {
  tail(writer: Writer, options: TailOptions): AsyncIterable<TailItem>;
  /** A file is about to go: what a follower has not read of it is lost to it. */
  removed(source: string, open: () => Promise<Blob | undefined>): Promise<void>;
}

export function createFollowers(clock: Clock): Followers {
  const followers = new Set<Follower>();
  return {
    tail: (writer, options) => follow({ writer, options, clock, followers }),
    async removed(source, open) {
      const behind = [...followers].filter((follower) => follower.admits(source));
      if (behind.length === 0) return;
      const blob = await open();
      if (!blob) return;
      const next = readForward(blob, source, Math.min(...behind.map((follower) => follower.cursor)));
      for (let batch = await next(); batch; batch = await next()) {
        for (const follower of behind) count(follower, source, batch.filter((entry) => entry.seq > follower.cursor).length);
      }
      await blob.close();
    },
  };
}

async function* follow(context: {
  readonly writer: Writer;
  readonly options: TailOptions;
  readonly clock: Clock;
  readonly followers: Set<Follower>;
}): AsyncGenerator<TailItem> {
  const { writer, options, clock } = context;
  const follower: Follower = {
    cursor: startOf(options.afterCursor, writer.published()),
    admits: sourceMatcher(options.filter),
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
      const items: TailItem[] = hello ? [{ entries: hello, cursor: follower.cursor }] : await nextItems(writer, options, follower);
      hello = undefined;
      if (items.length === 0 && clock.monotonicMs() - toldMs >= options.idleEveryMs) items.push({ entries: [], cursor: follower.cursor });
      for (const item of items) {
        if (options.signal.aborted) return;
        yield item;
      }
      if (items.length > 0) toldMs = clock.monotonicMs();
      else if (follower.cursor >= writer.published() && follower.lost.size === 0) {
        await somethingNew({
          writer,
          clock,
          signal: options.signal,
          waitMs: Math.max(1, toldMs + options.idleEveryMs - clock.monotonicMs()),
        });
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
  const query = {
    ...(options.filter ? { filter: options.filter } : {}),
    order: 'desc',
    pageSize: options.lines,
    cursor: upTo + 1,
  } as const;
  return (await list(writer.sources(), query)).entries.toReversed();
}

/** What is there for a follower now, and moves it on: from the ring while it keeps up, else from the files. */
async function nextItems(writer: Writer, options: TailOptions, follower: Follower): Promise<TailItem[]> {
  const items: TailItem[] = [];
  const upTo = writer.published();
  let entries: readonly LogEntry[] = [];
  if (follower.cursor < upTo && follower.cursor >= writer.ring.floor()) {
    const found = writer.ring.after(follower.cursor, matcher(options.filter), pageSize);
    entries = found.entries;
    // Seqs that the disk refused are in no ring: without them the look is over.
    follower.cursor = entries.length < pageSize ? Math.max(found.cursor, upTo) : found.cursor;
  } else if (follower.cursor < upTo) {
    const query = {
      ...(options.filter ? { filter: options.filter } : {}),
      order: 'asc',
      pageSize: filePageSize,
      cursor: follower.cursor,
    } as const;
    const page = await list(writer.sources(), query);
    entries = page.entries.filter((entry) => entry.seq <= upTo);
    follower.cursor = page.nextCursor === undefined ? upTo : Math.min(page.nextCursor, upTo);
  }
  for (const [source, n] of follower.lost) items.push({ entries: [], dropped: { source, count: n }, cursor: follower.cursor });
  follower.lost.clear();
  if (entries.length > 0) items.push({ entries, cursor: follower.cursor });
  return items;
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
