import type { Matches } from './filter.ts';
import { filterKey } from './filter.ts';
import type { EventFilter, StoredEvent } from './types.ts';

/** A filter, ready for use: equal ones share their work. */
export interface RingFilter {
  readonly key: string;
  readonly matches: Matches;
}

/** Events that were committed together, in order and without holes. */
export interface Batch {
  readonly first: number;
  readonly last: number;
  /** Those that a filter keeps: always the same array for equal filters, so that it can be encoded once. */
  select(filter: RingFilter): readonly StoredEvent[];
  readonly all: readonly StoredEvent[];
}

/** Several batches in one message, for a watcher that is behind. */
export interface Run {
  readonly events: readonly StoredEvent[];
  /** Newest revision that was looked at. */
  readonly last: number;
}

/** An event with its size, of which ring and messages have limits. */
export interface SizedEvent {
  readonly event: StoredEvent;
  readonly bytes: number;
}

/** Is called with the new batches, once all of them are in the ring. */
export interface RingListener {
  /** Batches that follow what was pushed before without a hole. */
  push(batches: readonly Batch[]): void;
  /** What follows revision `newest` was never pushed: it lies in the journal. */
  broken(newest: number): void;
}

/** The newest events, in memory: watchers that keep up are pushed them, the others take from here or read the journal. */
export interface Ring {
  /** Takes events that follow each other; what does not follow the newest begins the ring anew. The listener is called after this turn. */
  push(events: readonly SizedEvent[]): void;
  /** Calls the listener for what was pushed in this turn at once. */
  settle(): void;
  /**
   * Whether events are held here: while nobody watches they would grow old for nothing, and be what the garbage collector copies. What is
   * pushed meanwhile lies in the journal only. True at first.
   */
  hold(wanted: boolean): void;
  /** Forgets everything: revisions up to `last` lie in the journal only. */
  reset(last: number): void;
  /**
   * What the filter keeps of the events after `cursor`: of the next batch, and of those behind it while the message stays small. Equal
   * filters at one place are given the same array. Undefined when the event after `cursor` is not here.
   */
  after(cursor: number, filter: RingFilter): Run | undefined;
  /** Newest revision that watchers may be given. */
  last(): number;
  onNews(listener: RingListener): void;
}

export interface RingLimits {
  readonly events: number;
  readonly bytes: number;
  /** A message to a watcher is not longer than this. */
  readonly batchEvents: number;
  readonly batchBytes: number;
}

const defaults: RingLimits = { events: 4096, bytes: 4 * 1024 * 1024, batchEvents: 500, batchBytes: 64 * 1024 };
/** So many different filters are remembered per batch; further ones are judged each time. */
const sharedFilters = 64;

interface Slot extends Batch {
  readonly bytes: number;
}

export function createRing(last: number, limits: RingLimits = defaults): Ring {
  let slots: Slot[] = [];
  let newest = last;
  let held = { events: 0, bytes: 0 };
  let staged: SizedEvent[] = [];
  let holding = true;
  /** Runs that were put together since the last news, by place and filter. */
  const runs = new Map<string, Run>();
  const listeners: RingListener[] = [];

  const trim = (): void => {
    let gone = 0;
    while (gone < slots.length - 1 && (held.events > limits.events || held.bytes > limits.bytes)) {
      const slot = slots[gone++];
      if (slot) held = { events: held.events - slot.all.length, bytes: held.bytes - slot.bytes };
    }
    if (gone > 0) slots = slots.slice(gone);
  };
  const clear = (): void => {
    slots = [];
    held = { events: 0, bytes: 0 };
  };
  const flush = (): void => {
    if (staged.length === 0) return;
    const before = newest;
    const batches = cut(staged, limits);
    staged = [];
    let whole = true;
    for (const slot of batches) {
      if (slot.first !== newest + 1) {
        whole = false;
        clear();
      }
      slots.push(slot);
      held = { events: held.events + slot.all.length, bytes: held.bytes + slot.bytes };
      newest = slot.last;
    }
    trim();
    runs.clear();
    for (const listener of listeners) {
      if (whole) listener.push(batches);
      else listener.broken(before);
    }
  };

  return {
    push(events) {
      if (!holding) {
        newest = events.at(-1)?.event.revision ?? newest;
        return;
      }
      // The calls of one group are answered one after the other in one turn: together they are one batch.
      if (staged.length === 0) queueMicrotask(flush);
      for (const sized of events) staged.push(sized);
    },
    settle: flush,
    hold(wanted) {
      flush();
      holding = wanted;
      if (!wanted) clear();
    },
    reset(to) {
      const before = newest;
      staged = [];
      clear();
      runs.clear();
      newest = to;
      for (const listener of listeners) listener.broken(before);
    },
    after(cursor, filter) {
      const at = find(slots, cursor + 1);
      const slot = slots[at];
      if (slot === undefined) return undefined;
      const key = `${slot.first} ${filter.key}`;
      const run = runs.get(key) ?? gather(slots, at, filter, limits);
      if (runs.size < sharedFilters) runs.set(key, run);
      return slot.first > cursor ? run : { ...run, events: run.events.filter((event) => event.revision > cursor) };
    },
    last: () => newest,
    onNews: (listener) => void listeners.push(listener),
  };
}

function cut(events: readonly SizedEvent[], limits: RingLimits): readonly Slot[] {
  const slots: Slot[] = [];
  let from = 0;
  let bytes = 0;
  events.forEach(({ event, bytes: size }, i) => {
    const before = events[i - 1]?.event;
    const full = i - from >= limits.batchEvents || bytes + size > limits.batchBytes || (before && before.revision + 1 !== event.revision);
    if (i > from && full) {
      slots.push(slotOf(events.slice(from, i), bytes));
      from = i;
      bytes = 0;
    }
    bytes += size;
  });
  if (events.length > from) slots.push(slotOf(events.slice(from), bytes));
  return slots;
}

function slotOf(sized: readonly SizedEvent[], bytes: number): Slot {
  const all = sized.map(({ event }) => event);
  const known = new Map<string, readonly StoredEvent[]>([['', all]]);
  return {
    first: all[0]?.revision ?? 0,
    last: all.at(-1)?.revision ?? 0,
    bytes,
    all,
    select({ key, matches }) {
      const seen = known.get(key);
      if (seen) return seen;
      const kept = all.filter(matches);
      const shared = kept.length === all.length ? all : kept;
      if (known.size < sharedFilters) known.set(key, shared);
      return shared;
    },
  };
}

/** Puts the batches from `at` on together, as far as one message may go. */
function gather(slots: readonly Slot[], at: number, filter: RingFilter, limits: RingLimits): Run {
  const [first, ...rest] = slots.slice(at, at + limits.batchEvents);
  if (first === undefined) return { events: [], last: 0 };
  let { last, bytes } = first;
  const parts = [first.select(filter)];
  let count = parts[0]?.length ?? 0;
  for (const slot of rest) {
    if (count + slot.all.length > limits.batchEvents || bytes + slot.bytes > limits.batchBytes) break;
    const kept = slot.select(filter);
    if (kept.length > 0) parts.push(kept);
    count += kept.length;
    bytes += slot.bytes;
    last = slot.last;
  }
  const [only = [], ...others] = parts.filter((part) => part.length > 0);
  return { events: others.length === 0 ? only : [only, ...others].flat(), last };
}

/** Index of the batch with a revision; -1 when it is not here. */
function find(slots: readonly Slot[], revision: number): number {
  let low = 0;
  let high = slots.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const slot = slots[middle];
    if (!slot) return -1;
    if (revision < slot.first) high = middle - 1;
    else if (revision > slot.last) low = middle + 1;
    else return middle;
  }
  return -1;
}

export function ringFilter(filter: EventFilter | undefined, compile: (filter: EventFilter | undefined) => Matches): RingFilter {
  return { key: filterKey(filter), matches: compile(filter) };
}
