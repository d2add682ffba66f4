import type { FeedCodec } from '../kernel/feed.ts';
import { compileFilter } from './filter.ts';
import { type RingFilter, ringFilter } from './ring.ts';
import type { EventFilter, StoredEvent, WatchItem } from './types.ts';

/** Watchers of one filter and one codec: their frames are the same bytes. A group only ever hands its own codec's frames to its own watchers. */
export interface Group<Watcher> {
  readonly filter: RingFilter;
  readonly asked: EventFilter | undefined;
  readonly codec: FeedCodec<WatchItem, unknown>;
  readonly synced: Set<Watcher>;
  /** All of them, synced or not. */
  size: number;
  /** The frame of each list of events that somebody may still be given, and of the newest progress. */
  readonly frames: WeakMap<readonly StoredEvent[], Made>;
  progress: Made | undefined;
}

/** By codec, then by the key of the filter. */
export type Groups<Watcher> = Map<object, Map<string, Group<Watcher>>>;

interface Made {
  readonly revision: number;
  readonly frame: unknown;
}

export function eventsFrame(group: Group<unknown>, events: readonly StoredEvent[], revision: number): unknown {
  const known = group.frames.get(events);
  // The same events may be handed out under a later revision, to a filter that skipped some.
  if (known?.revision === revision) return known.frame;
  const frame = group.codec.encode({ kind: 'events', events, revision });
  group.frames.set(events, { revision, frame });
  return frame;
}

export function progressFrame(group: Group<unknown>, revision: number): unknown {
  if (group.progress?.revision !== revision) group.progress = { revision, frame: group.codec.encode({ kind: 'progress', revision }) };
  return group.progress.frame;
}

/** The group of a filter and a codec, made where there is none. */
export function groupOf<Watcher>(
  groups: Groups<Watcher>,
  codec: FeedCodec<WatchItem, unknown>,
  asked: EventFilter | undefined,
): Group<Watcher> {
  const filter = ringFilter(asked, compileFilter);
  const ofCodec = groups.get(codec) ?? new Map<string, Group<Watcher>>();
  groups.set(codec, ofCodec);
  const group: Group<Watcher> = ofCodec.get(filter.key) ?? {
    filter,
    asked,
    codec,
    synced: new Set(),
    size: 0,
    frames: new WeakMap(),
    progress: undefined,
  };
  ofCodec.set(filter.key, group);
  return group;
}

export function forgetGroup<Watcher>(groups: Groups<Watcher>, { codec, filter }: Group<Watcher>): void {
  const ofCodec = groups.get(codec);
  ofCodec?.delete(filter.key);
  if (ofCodec?.size === 0) groups.delete(codec);
}
