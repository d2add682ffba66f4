import type { FeedCodec, FeedSink } from '../kernel/feed.ts';
import { matcher, sourceMatcher } from './entry.ts';
import type { LogEntry, LogFilter, TailItem } from './types.ts';

/** Followers of one filter and one codec: those who keep up are given the same frames. */
export interface LogGroup {
  readonly key: string;
  readonly codec: FeedCodec<TailItem, unknown>;
  readonly filter: LogFilter | undefined;
  readonly admits: (source: string) => boolean;
  readonly matches: (entry: LogEntry) => boolean;
  readonly synced: Set<Follower>;
  /** Where all who are synced stand. */
  cursor: number;
  size: number;
}

/** A reader that follows: where it stands, and what it lost since its last item. */
export interface Follower {
  readonly group: LogGroup;
  readonly sink: FeedSink<unknown>;
  readonly idleEveryMs: number;
  /** Of one that is synced the group knows. */
  cursor: number;
  readonly lost: Map<string, number>;
  lastMs: number;
  /** The sink takes nothing more before `resume`. */
  full: boolean;
  /** Files are being read for it. */
  reading: boolean;
  readonly left: AbortController;
}

export type LogGroups = Map<object, Map<string, LogGroup>>;

export function cursorOf(follower: Follower): number {
  return follower.group.synced.has(follower) ? follower.group.cursor : follower.cursor;
}

/** Counts what a follower lost. */
export function count(follower: Follower, source: string, n: number): void {
  if (n > 0) follower.lost.set(source, (follower.lost.get(source) ?? 0) + n);
}

export function groupOf(groups: LogGroups, codec: FeedCodec<TailItem, unknown>, filter: LogFilter | undefined): LogGroup {
  const key = JSON.stringify(filter ?? {});
  const ofCodec = groups.get(codec) ?? new Map<string, LogGroup>();
  groups.set(codec, ofCodec);
  const group: LogGroup = ofCodec.get(key) ?? {
    ...{ key, codec, filter, synced: new Set(), cursor: 0, size: 0 },
    admits: sourceMatcher(filter),
    matches: matcher(filter),
  };
  ofCodec.set(key, group);
  return group;
}

export function forgetGroup(groups: LogGroups, { codec, key }: LogGroup): void {
  const ofCodec = groups.get(codec);
  ofCodec?.delete(key);
  if (ofCodec?.size === 0) groups.delete(codec);
}
