import type { Clock } from '../kernel/clock.ts';
import type { Feed, FeedReader, FeedSink } from '../kernel/feed.ts';
import type { ScanArgs, ScanResult } from './journal-scan.ts';
import { createPages } from './pages.ts';
import type { Batch, Ring } from './ring.ts';
import { type KeptRange, startingPoint } from './starting-point.ts';
import type { WatchItem, WatchOptions } from './types.ts';
import { eventsFrame, forgetGroup, type Group, type Groups, groupOf, progressFrame } from './watch-groups.ts';

export interface FeedSource extends KeptRange {
  readonly ring: Ring;
  readonly clock: Clock;
  readonly scan: (args: ScanArgs) => Promise<ScanResult>;
}

/** The watches of the journal. */
export interface EventFeed {
  /** What one watcher asked for. `join` throws REVISION_COMPACTED or REVISION_AHEAD. */
  open(options: Omit<WatchOptions, 'signal'>): Feed<WatchItem>;
  /** How many watch. */
  watchers(): number;
  /** Ends every watch; who joins later is ended at once. */
  stop(): void;
}

/** How often the one ticker looks whose silence lasts too long. */
const tickMs = 250;

interface Watcher {
  readonly group: Group<Watcher>;
  readonly sink: FeedSink<unknown>;
  readonly progressEveryMs: number;
  /** Where it resumes; of a synced one it is where it last was behind. */
  cursor: number;
  lastMs: number;
  greeted: boolean;
  /** The sink takes nothing more before `resume`. */
  full: boolean;
  /** A page of the journal is being read for it. */
  reading: boolean;
  left: boolean;
}

/**
 * Pushes the journal to its watchers. One that has seen everything is synced: at each commit its group's frame, encoded once, is written to it, and
 * nothing else is done for it. One that is behind takes from the ring, or page by page from the journal, as fast as its sink has room.
 */
export function createEventFeed(source: FeedSource): EventFeed {
  const { ring, clock } = source;
  const readPage = createPages(source.scan);
  const groups: Groups<Watcher> = new Map();
  const watchers = new Set<Watcher>();
  let stopTicker: (() => void) | undefined;
  let stopped = false;

  const send = (watcher: Watcher, frame: unknown): void => {
    watcher.greeted = true;
    watcher.lastMs = clock.monotonicMs();
    if (watcher.sink.write(frame)) return;
    watcher.full = true;
    watcher.group.synced.delete(watcher);
  };
  const cursorOf = (watcher: Watcher): number => (watcher.group.synced.has(watcher) ? ring.last() : watcher.cursor);
  const sendProgress = (watcher: Watcher): void => {
    watcher.cursor = cursorOf(watcher);
    send(watcher, progressFrame(watcher.group, watcher.cursor));
  };
  const catchUp = (watcher: Watcher): void => {
    while (!watcher.left && !watcher.full && !watcher.reading) {
      if (watcher.cursor >= ring.last()) {
        watcher.group.synced.add(watcher);
        if (!watcher.greeted) sendProgress(watcher);
        return;
      }
      const run = ring.after(watcher.cursor, watcher.group.filter);
      if (run === undefined) return void fromJournal(watcher);
      watcher.cursor = run.last;
      if (run.events.length > 0) send(watcher, eventsFrame(watcher.group, run.events, run.last));
    }
  };
  const fromJournal = async (watcher: Watcher): Promise<void> => {
    const { group } = watcher;
    watcher.reading = true;
    try {
      const { cursor, item } = await readPage(watcher.cursor, group.filter, group.asked);
      watcher.reading = false;
      if (watcher.left) return;
      watcher.cursor = cursor;
      if (item?.kind === 'events') send(watcher, eventsFrame(group, item.events, item.revision));
      else if (item !== undefined) send(watcher, group.codec.encode(item));
      else if (!watcher.greeted || silent(watcher, clock.monotonicMs())) sendProgress(watcher);
      catchUp(watcher);
    } catch (error) {
      end(watcher, error);
    }
  };
  const push = (batches: readonly Batch[]): void => {
    const nowMs = clock.monotonicMs();
    for (const ofCodec of groups.values()) {
      for (const group of ofCodec.values()) {
        try {
          for (const batch of batches) pushTo(group, batch, nowMs);
        } catch (error) {
          // What cannot be encoded ends this group, and delays nobody else.
          for (const watcher of group.synced) end(watcher, error);
        }
      }
    }
  };
  /** What follows the newest that was pushed is not in the ring: those who were synced read on at their own pace. */
  const broken = (newest: number): void => {
    for (const watcher of watchers) {
      if (!watcher.group.synced.delete(watcher)) continue;
      watcher.cursor = newest;
      catchUp(watcher);
    }
  };
  const tick = (): void => {
    const nowMs = clock.monotonicMs();
    for (const watcher of watchers) if (!watcher.full && !watcher.reading && silent(watcher, nowMs)) sendProgress(watcher);
  };
  const leave = (watcher: Watcher): void => {
    if (watcher.left) return;
    watcher.left = true;
    watchers.delete(watcher);
    watcher.group.synced.delete(watcher);
    watcher.group.size -= 1;
    if (watcher.group.size === 0) forgetGroup(groups, watcher.group);
    if (watchers.size > 0) return;
    stopTicker?.();
    stopTicker = undefined;
    ring.hold(false);
  };
  const end = (watcher: Watcher, error?: unknown): void => {
    if (watcher.left) return;
    leave(watcher);
    watcher.sink.end(error);
  };
  const readerOf = (watcher: Watcher): FeedReader => ({
    resume() {
      watcher.full = false;
      if (!watcher.group.synced.has(watcher)) catchUp(watcher);
    },
    finish() {
      if (!watcher.left) sendProgress(watcher);
      leave(watcher);
    },
    leave: () => leave(watcher),
  });
  ring.onNews({ push, broken });
  ring.hold(false);

  return {
    open: ({ afterRevision, filter, progressEveryMs }) => ({
      join(codec, sink) {
        ring.settle();
        const cursor = startingPoint(afterRevision, source);
        if (watchers.size === 0) ring.hold(true);
        const group = groupOf(groups, codec, filter);
        const lastMs = clock.monotonicMs();
        const watcher: Watcher = { group, sink, progressEveryMs, cursor, lastMs, greeted: false, full: false, reading: false, left: false };
        group.size += 1;
        watchers.add(watcher);
        stopTicker ??= clock.every(tickMs, tick);
        if (stopped) end(watcher);
        else catchUp(watcher);
        return readerOf(watcher);
      },
    }),
    watchers: () => watchers.size,
    stop() {
      stopped = true;
      for (const watcher of watchers) end(watcher);
    },
  };
}

/** Whether a progress is due: the next look would be too late for it. */
function silent(watcher: Watcher, nowMs: number): boolean {
  return nowMs - watcher.lastMs > watcher.progressEveryMs - tickMs;
}

/** The one loop of a delivery: a frame for all, and for each nothing but the write. */
function pushTo(group: Group<Watcher>, batch: Batch, nowMs: number): void {
  if (group.synced.size === 0) return;
  const events = batch.select(group.filter);
  if (events.length === 0) return;
  const frame = eventsFrame(group, events, batch.last);
  for (const watcher of group.synced) {
    watcher.lastMs = nowMs;
    if (watcher.sink.write(frame)) continue;
    watcher.full = true;
    watcher.cursor = batch.last;
    group.synced.delete(watcher);
  }
}
