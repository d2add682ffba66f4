import type { Clock } from '../kernel/clock.ts';
import { outsideCalls } from '../kernel/outside-calls.ts';

/**
 * How an export ended. `refused`: the collector wants none of these. `late`: it did not answer, and may have taken them. `unreachable`: it has
 * not taken them, and may later.
 */
export interface Sent {
  readonly kind: 'taken' | 'refused' | 'late' | 'unreachable';
  readonly error?: unknown;
}

export interface SendQueueOptions<T> {
  readonly clock: Pick<Clock, 'after'>;
  /** So many may wait, and so many bytes; what is over it is lost, the newest first. */
  readonly most: number;
  readonly mostBytes: number;
  /** So many leave at once at most. */
  readonly batch: number;
  /** How long an item waits for others. */
  readonly delayMs: number;
  /** About the bytes that an item takes while it waits. Pure. */
  readonly weigh: (item: T) => number;
  /** Never rejects. */
  readonly send: (items: T[]) => Promise<Sent>;
  readonly dropped: (count: number) => void;
}

export interface SendQueue<T> {
  push(item: T): void;
  /** Sends what waits, one export after the other, and takes nothing more. Answers what kept it from that. Idempotent. */
  stop(): Promise<unknown>;
}

/** Between two batches of what has gathered calls are served: one is made into a request in a millisecond or two, while nothing else runs. */
const batchPauseMs = 10;
/** After a failure it is tried again after this, then after twice as long … */
const firstPauseMs = 1000;
const longestPauseMs = 10_000;

/**
 * What waits for the collector, bounded in number and bytes. One export runs at a time. What has gathered, also over an outage, leaves in batches
 * with pauses between them, since what is sent at once is made into text at once, and all calls would wait for that. Smaller batches would cost
 * more than they spare: a request costs as much as the text of some hundred spans.
 */
export function createSendQueue<T>({ clock, most, mostBytes, batch, delayMs, weigh, send, dropped }: SendQueueOptions<T>): SendQueue<T> {
  let waiting: T[] = [];
  let bytes = 0;
  let failures = 0;
  let cancel: (() => void) | undefined;
  let running: Promise<Sent> | undefined;
  let stopped: Promise<unknown> | undefined;

  const sum = (items: readonly T[]): number => items.reduce((all, item) => all + weigh(item), 0);
  const take = (): T[] => {
    const items = waiting.splice(0, batch);
    bytes -= sum(items);
    return items;
  };
  const putBack = (items: readonly T[]): void => {
    waiting = [...items, ...waiting];
    bytes += sum(items);
    while (waiting.length > most || bytes > mostBytes) {
      const item = waiting.pop();
      if (item === undefined) return;
      bytes -= weigh(item);
      dropped(1);
    }
  };
  const sendSome = async (): Promise<Sent> => {
    const items = take();
    const sent = await send(items);
    if (sent.kind === 'unreachable') putBack(items);
    else if (sent.kind !== 'taken') dropped(items.length);
    failures = sent.kind === 'taken' || sent.kind === 'refused' ? 0 : failures + 1;
    return sent;
  };
  const pauseMs = (): number => {
    if (failures > 0) return Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
    return waiting.length >= batch ? batchPauseMs : delayMs;
  };
  const plan = (): void => {
    if (running !== undefined || stopped !== undefined || waiting.length === 0) return;
    cancel ??= outsideCalls(() => clock.after(pauseMs(), run));
  };
  const run = (): void => {
    cancel = undefined;
    running = sendSome();
    void running.then(() => {
      running = undefined;
      plan();
    });
  };
  const drain = async (): Promise<unknown> => {
    cancel?.();
    await running;
    while (waiting.length > 0) {
      const { kind, error } = await sendSome();
      if (kind === 'taken') continue;
      dropped(waiting.length);
      waiting = [];
      return error ?? new Error(kind);
    }
    return undefined;
  };
  return {
    push(item) {
      const itemBytes = weigh(item);
      if (stopped !== undefined || waiting.length >= most || bytes + itemBytes > mostBytes) return dropped(1);
      waiting.push(item);
      bytes += itemBytes;
      // A whole batch does not wait for more.
      if (waiting.length === batch && failures === 0) {
        cancel?.();
        cancel = undefined;
      }
      plan();
    },
    stop: () => (stopped ??= drain()),
  };
}
