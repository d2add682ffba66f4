import type { HistoryPoint, Rollup } from './types.ts';

/** A window of the past and the slots that it is kept in. */
export interface Window {
  readonly windowMs: number;
  readonly slots: number;
}

/** What was seen of a series in one look. */
export interface Look {
  /** Of a gauge or counter its value; of a histogram the mean of what it measured since the look before. */
  readonly value: number;
  /** How much that counts in the mean: 1, or how many measurements a histogram's value stands for. 0: there was nothing to see. */
  readonly weight: number;
  /** By how much it rose since the look before; of a histogram, by how many measurements. */
  readonly increase: number;
  /** Since the look before; 0 at the first. */
  readonly seconds: number;
}

/** Numbers of a slot: number of the slot since 1970, then what follows here. */
const [index, min, max, sum, weight, last, increase, seconds] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
export const slotNumbers = 8;

/** One series' slots of one window: the oldest is taken by the newest. */
export interface Ring {
  add(timeMs: number, look: Look): void;
  /** Undefined where nothing was seen in the window. */
  rollup(timeMs: number): Rollup | undefined;
  /** Of the slots in which something was seen, oldest first. */
  points(timeMs: number): readonly HistoryPoint[];
  /** The slot of this number, to be kept; undefined where it holds nothing. */
  slot(number: number): readonly number[] | undefined;
  restore(slot: readonly number[]): void;
  /** Number of the newest slot that holds something; 0 where none does. */
  newest(): number;
}

export function slotOf({ windowMs, slots }: Window, timeMs: number): number {
  return Math.floor(timeMs / (windowMs / slots));
}

export function createRing(window: Window): Ring {
  const numbers = new Float64Array(window.slots * slotNumbers);
  const at = (slot: number): number => (slot % window.slots) * slotNumbers;
  const get = (offset: number, which: number): number => numbers[offset + which] ?? 0;
  const filled = (): number[] => Array.from({ length: window.slots }, (_, i) => i * slotNumbers).filter((o) => get(o, index) > 0);
  /** Where those stand in which something was seen in the window, oldest first. */
  const seenUntil = (timeMs: number): readonly number[] => {
    const now = slotOf(window, timeMs);
    return filled()
      .filter((o) => get(o, index) > now - window.slots && get(o, index) <= now)
      .sort((a, b) => get(a, index) - get(b, index));
  };
  return {
    add(timeMs, look) {
      const slot = slotOf(window, timeMs);
      const offset = at(slot);
      if (get(offset, index) !== slot) numbers.set([slot, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0, 0, 0], offset);
      if (look.weight > 0) {
        numbers[offset + min] = Math.min(get(offset, min), look.value);
        numbers[offset + max] = Math.max(get(offset, max), look.value);
        numbers[offset + sum] = get(offset, sum) + look.value * look.weight;
        numbers[offset + weight] = get(offset, weight) + look.weight;
        numbers[offset + last] = look.value;
      }
      numbers[offset + increase] = get(offset, increase) + look.increase;
      numbers[offset + seconds] = get(offset, seconds) + look.seconds;
    },
    rollup(timeMs) {
      const seen = seenUntil(timeMs);
      const valued = seen.filter((o) => get(o, weight) > 0);
      const newest = valued.at(-1);
      if (newest === undefined) return undefined;
      const total = (which: number): number => seen.reduce((all, o) => all + get(o, which), 0);
      return {
        windowMs: window.windowMs,
        last: get(newest, last),
        min: Math.min(...valued.map((o) => get(o, min))),
        max: Math.max(...valued.map((o) => get(o, max))),
        mean: total(sum) / total(weight),
        rate: total(seconds) > 0 ? total(increase) / total(seconds) : 0,
      };
    },
    points: (timeMs) =>
      seenUntil(timeMs)
        .filter((o) => get(o, weight) > 0)
        .map((o) => ({
          timeMs: get(o, index) * (window.windowMs / window.slots),
          min: get(o, min),
          max: get(o, max),
          mean: get(o, sum) / get(o, weight),
          rate: get(o, seconds) > 0 ? get(o, increase) / get(o, seconds) : 0,
        })),
    slot(number) {
      const offset = at(number);
      if (get(offset, index) !== number || get(offset, weight) === 0) return undefined;
      return [...numbers.subarray(offset, offset + slotNumbers)];
    },
    restore(slot) {
      if (slot.length === slotNumbers && slot.every(Number.isFinite)) numbers.set(slot, at(slot[index] ?? 0));
    },
    newest: () => Math.max(0, ...filled().map((o) => get(o, index))),
  };
}
