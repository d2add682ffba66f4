import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Feed, FeedReader } from '../kernel/feed.ts';
import { createSharedLock } from '../kernel/shared-lock.ts';
import { backlog, stepFromFiles } from './catching-up.ts';
import { count, cursorOf, type Follower, forgetGroup, groupOf, type LogGroup, type LogGroups } from './log-groups.ts';
import type { LeavingFile } from './source-files.ts';
import type { LogEntry, Logs, TailItem } from './types.ts';
import type { Writer } from './writer.ts';

export type TailOptions = Omit<Parameters<Logs['tail']>[0], 'signal'>;

/** How often the one ticker looks whose silence lasts too long. */
const tickMs = 250;

/**
 * All who follow. What is stored is pushed to those who keep up, one frame for all of one filter; who is behind takes from the ring, or from the files.
 * What one is given and what it lost is exactly what was written: an entry that falls out of the ring while its file has gone, and one whose file goes
 * after it has fallen out of the ring, is lost to those who have not come to it; nobody reads files while one of them goes.
 */
export interface LogFeed {
  /** Joining throws CURSOR_INVALID. */
  open(options: TailOptions): Feed<TailItem>;
  followers(): number;
  /** An entry left the ring. */
  fellOut(entry: LogEntry): void;
  /** A file is about to go; `remove` takes it away. */
  removing(file: LeavingFile, remove: () => Promise<void>): Promise<void>;
}

/** `writer` is asked for when the first one follows. */
export function createLogFeed(clock: Clock, writer: () => Writer | undefined): LogFeed {
  const followers = new Set<Follower>();
  const groups: LogGroups = new Map();
  const lock = createSharedLock();
  /** By source: up to this seq its files have gone, or are going. */
  const gone = new Map<string, number>();
  let stopListening: (() => void) | undefined;

  const lose = (entry: LogEntry, from: Iterable<Follower>): void => {
    if (entry.partial) return;
    for (const follower of from) {
      if (cursorOf(follower) < entry.seq && follower.group.admits(entry.source)) count(follower, entry.source, 1);
    }
  };
  const send = (follower: Follower, item: TailItem): void => {
    follower.lastMs = clock.monotonicMs();
    if (follower.sink.write(follower.group.codec.encode(item))) return;
    follower.cursor = cursorOf(follower);
    follower.full = true;
    follower.group.synced.delete(follower);
  };
  const sendLost = (follower: Follower): void => {
    for (const [source, n] of follower.lost) {
      if (follower.full || follower.left.signal.aborted) return;
      follower.lost.delete(source);
      send(follower, { entries: [], dropped: { source, count: n }, cursor: cursorOf(follower) });
    }
  };
  const catchUp = (follower: Follower, from: Writer): void => {
    const { group, left } = follower;
    while (!left.signal.aborted && !follower.full && !follower.reading) {
      sendLost(follower);
      if (follower.full) return;
      if (follower.cursor >= from.published()) {
        if (group.synced.size === 0) group.cursor = follower.cursor;
        group.synced.add(follower);
        return;
      }
      if (follower.cursor < from.ring.floor()) {
        void fromFiles(follower, from);
        return;
      }
      const { entries, cursor } = ringStep(group, follower.cursor, from);
      follower.cursor = cursor;
      if (entries.length > 0) send(follower, { entries, cursor });
    }
  };
  const reading = async (follower: Follower, from: Writer, read: () => Promise<readonly LogEntry[] | undefined>): Promise<void> => {
    follower.reading = true;
    try {
      const entries = await read();
      follower.reading = false;
      if (follower.left.signal.aborted) return;
      if (entries !== undefined) send(follower, { entries, cursor: follower.cursor });
      catchUp(follower, from);
    } catch (error) {
      end(follower, error);
    }
  };
  const fromFiles = (follower: Follower, from: Writer): Promise<void> =>
    reading(follower, from, () =>
      lock.shared(async () => {
        const { entries, cursor } = await stepFromFiles(from, { cursor: follower.cursor, group: follower.group });
        follower.cursor = cursor;
        return entries.length > 0 ? entries : undefined;
      }),
    );
  const leave = (follower: Follower): void => {
    if (follower.left.signal.aborted) return;
    follower.left.abort();
    followers.delete(follower);
    follower.group.synced.delete(follower);
    follower.group.size -= 1;
    if (follower.group.size === 0) forgetGroup(groups, follower.group);
    if (followers.size > 0) return;
    stopListening?.();
    stopListening = undefined;
  };
  const end = (follower: Follower, error: unknown): void => {
    if (follower.left.signal.aborted) return;
    leave(follower);
    follower.sink.end(error);
  };
  const published = (from: Writer): void => {
    for (const ofCodec of groups.values()) for (const group of ofCodec.values()) pushTo(group, from);
  };
  /** The frames of a group, each made once, written to all who keep up. */
  const pushTo = (group: LogGroup, from: Writer): void => {
    while (group.synced.size > 0 && group.cursor < from.published()) {
      if (group.cursor < from.ring.floor()) {
        for (const follower of group.synced) {
          follower.cursor = group.cursor;
          group.synced.delete(follower);
          catchUp(follower, from);
        }
        return;
      }
      const { entries, cursor } = ringStep(group, group.cursor, from);
      group.cursor = cursor;
      if (entries.length === 0) continue;
      const frame = group.codec.encode({ entries, cursor });
      const nowMs = clock.monotonicMs();
      for (const follower of group.synced) {
        follower.lastMs = nowMs;
        if (follower.sink.write(frame)) continue;
        follower.full = true;
        follower.cursor = cursor;
        group.synced.delete(follower);
      }
    }
  };
  const tick = (): void => {
    const nowMs = clock.monotonicMs();
    for (const follower of followers) {
      const idle = !follower.full && !follower.reading && nowMs - follower.lastMs > follower.idleEveryMs - tickMs;
      if (idle) send(follower, { entries: [], cursor: cursorOf(follower) });
    }
  };
  const listen = (to: Writer): (() => void) => {
    const stops = [
      to.onPublish(() => published(to)),
      to.onDrop((source, n) => {
        for (const follower of followers) {
          if (!follower.group.admits(source)) continue;
          count(follower, source, n);
          if (!follower.reading) sendLost(follower);
        }
      }),
      clock.every(tickMs, tick),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  };

  return {
    followers: () => followers.size,
    open: ({ filter, afterCursor, lines, idleEveryMs }) => ({
      join(codec, sink): FeedReader {
        const from = writer();
        if (from === undefined) throw new AgentError('INTERNAL', 'the logs are not open yet');
        const cursor = startOf(afterCursor, from.published());
        const group = groupOf(groups, codec, filter);
        const follower: Follower = {
          ...{ group, sink, idleEveryMs, cursor, lost: new Map(), lastMs: clock.monotonicMs() },
          ...{ full: false, reading: false, left: new AbortController() },
        };
        group.size += 1;
        followers.add(follower);
        stopListening ??= listen(from);
        // The first item comes at once: the backlog, or nothing but a cursor.
        const wanted = afterCursor === undefined ? lines : 0;
        const hello = (): Promise<readonly LogEntry[]> =>
          backlog(from, { filter, lines: wanted, upTo: cursor, signal: follower.left.signal });
        if (wanted > 0) {
          void reading(follower, from, hello);
        } else {
          send(follower, { entries: [], cursor });
          catchUp(follower, from);
        }
        return {
          resume() {
            follower.full = false;
            if (!group.synced.has(follower)) catchUp(follower, from);
          },
          finish() {
            if (!follower.left.signal.aborted) send(follower, { entries: [], cursor: cursorOf(follower) });
            leave(follower);
          },
          leave: () => leave(follower),
        };
      },
    }),
    fellOut(entry) {
      if (entry.seq <= (gone.get(entry.source) ?? 0)) lose(entry, followers);
    },
    removing: (file, remove) =>
      lock.alone(async () => {
        // From here on what falls out of the ring is lost; what has fallen out before is looked for in the file.
        const fallen = writer()?.ring.floor() ?? 0;
        for (const [source, last] of gone) if (last <= fallen) gone.delete(source);
        if (file.lastSeq > fallen) gone.set(file.source, file.lastSeq);
        const behind = [...followers].filter((follower) => cursorOf(follower) < fallen && follower.group.admits(file.source));
        if (behind.length > 0) {
          await file.each(Math.min(...behind.map(cursorOf)), (entry) => {
            if (entry.seq > fallen) return false;
            lose(entry, behind);
            return true;
          });
        }
        await remove();
      }),
  };
}

function startOf(afterCursor: number | undefined, published: number): number {
  if (afterCursor === undefined) return published;
  if (Number.isSafeInteger(afterCursor) && afterCursor >= 0 && afterCursor <= published) return afterCursor;
  throw new AgentError('CURSOR_INVALID', `log cursor ${afterCursor} is not one that this agent gave out: the newest is ${published}`, {
    metadata: { cursor: String(afterCursor), newest: String(published) },
  });
}

/** The next message's worth of the ring. */
function ringStep(group: LogGroup, cursor: number, from: Writer): { readonly entries: readonly LogEntry[]; readonly cursor: number } {
  const upTo = from.published();
  const step = from.ring.after(cursor, group.matches);
  // Seqs that the disk refused are in no ring: without them the look is over.
  return { entries: step.entries, cursor: step.done ? Math.max(step.cursor, upTo) : step.cursor };
}
