/**
 * Rounds in which two contenders take turns, so that what the machine does beside them falls on both, and what comes out
 * of them: median, least and most, the ratio, and the CPU time of the serving process alone (the load is not counted).
 */
import { readFileSync } from 'node:fs';

/** A tick of /proc/PID/stat: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000;

/** What one round was worth. */
export interface Round {
  /** In the unit of the comparison. */
  readonly value: number;
  /** Calls (deliveries, events, starts …) over which the CPU time is shared out. */
  readonly count: number;
  /** CPU time that it took, microseconds, where each round is a process of its own. Absent: that of the contender's process. */
  readonly cpuUs?: number;
}

export interface Contender {
  readonly name: string;
  /** The process that serves; its CPU time is read. */
  readonly pid: number;
  round(): Promise<Round>;
}

export interface Comparison {
  readonly title: string;
  /** What `value` counts: `calls/s`, `ms`. */
  readonly unit: string;
  /** What one of `count` is: `call`, `delivery`. */
  readonly per: string;
  readonly ours: Contender;
  readonly peer: Contender;
  /** What both did, for the reader of the table. */
  readonly load: string;
  /** Rounds, where fewer than usual are enough. */
  readonly rounds?: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Outcome {
  readonly name: string;
  readonly value: Spread;
  /** CPU time per counted thing, in microseconds, over all rounds. */
  readonly cpuUs: number;
}

export interface Result {
  readonly title: string;
  readonly unit: string;
  readonly per: string;
  readonly load: string;
  readonly ours: Outcome;
  readonly peer: Outcome;
  /** Ours / peer, of the medians. */
  readonly ratio: number;
  readonly cpuRatio: number;
}

/** User and system time of a process with all its threads, in microseconds; ended children do not count. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces: fields are counted after it. utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}

interface Tally {
  readonly values: number[];
  cpuUs: number;
  count: number;
}

async function take(contender: Contender, tally: Tally): Promise<void> {
  const before = cpuUs(contender.pid);
  const { value, count, cpuUs: own } = await contender.round();
  tally.cpuUs += own ?? cpuUs(contender.pid) - before;
  tally.count += count;
  tally.values.push(value);
}

/** One round each that does not count, then `rounds` of each in turns; who goes first alternates too. */
export async function compare(comparison: Comparison, rounds: number): Promise<Result> {
  const { title, unit, per, load } = comparison;
  const ours: Tally = { values: [], cpuUs: 0, count: 0 };
  const peer: Tally = { values: [], cpuUs: 0, count: 0 };
  await comparison.ours.round();
  await comparison.peer.round();
  for (let round = 0; round < rounds; round++) {
    const turns = [() => take(comparison.ours, ours), () => take(comparison.peer, peer)];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const sum = (name: string, tally: Tally): Outcome => ({ name, value: spread(tally.values), cpuUs: tally.cpuUs / tally.count });
  const a = sum(comparison.ours.name, ours);
  const b = sum(comparison.peer.name, peer);
  return { title, unit, per, load, ours: a, peer: b, ratio: a.value.median / b.value.median, cpuRatio: a.cpuUs / b.cpuUs };
}

/** Keeps `concurrency` calls going for `forMs`; the value is calls per second. The first failure ends it. */
export async function pump(options: {
  readonly concurrency: number;
  readonly forMs: number;
  /** Does one call, or more at once; answers how many. */
  call(): Promise<number>;
}): Promise<Round> {
  const start = performance.now();
  const end = start + options.forMs;
  let count = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      // Not `count += await …`: that reads the count before it waits, and loses what the others added meanwhile.
      const done = await options.call();
      count += done;
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return { value: (count * 1000) / (performance.now() - start), count };
}

/** Does something `count` times, one after the other, and takes the median of what it answers. */
export async function repeat(count: number, once: () => Promise<number>): Promise<Round> {
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(await once());
  return { value: spread(values).median, count };
}
