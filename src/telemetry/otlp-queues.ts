import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { Clock } from '../kernel/clock.ts';
import type { Environment } from './otlp.ts';
import { createSendQueue, type Sent } from './send-queue.ts';
import type { SentSpan } from './sent-span.ts';
import { sizedAgent } from './sized-agent.ts';

/** How long one export may take: also what a collector that does not answer can hold back. */
export const exportTimeoutMs = 3000;
/** What may wait of each signal. Spans are small; a line can have 64 KiB. */
const mostBytes = 4 << 20;
/** Bytes that an item takes beside its texts. */
const itemBytes = 800;

export type QueuedSignal = 'traces' | 'logs';

/** The exporters of OTLP, as far as they are used. */
interface Exporter<T> {
  export(items: T[], done: (result: { readonly code: number; readonly error?: Error | undefined }) => void): void;
  shutdown(): Promise<void>;
}

interface Limits {
  readonly most: number;
  readonly batch: number;
  readonly delayMs: number;
  readonly timeoutMs: number;
}

interface QueueOptions<T, Made> extends Limits {
  readonly clock: Clock;
  readonly signal: QueuedSignal;
  readonly weigh: (item: T) => number;
  /** What the exporter takes of an item; made when that leaves. */
  readonly made: (item: T) => Made;
  readonly dropped: (signal: QueuedSignal, count: number) => void;
}

/** What every exporter is given. */
export function exporting(url: string, timeoutMillis: number): object {
  return { url, timeoutMillis, concurrencyLimit: 1, httpAgentOptions: sizedAgent };
}

/** By the standard variables (`OTEL_BSP_MAX_QUEUE_SIZE` …). */
export function limitsOf(env: Environment, prefix: 'OTEL_BSP' | 'OTEL_BLRP', delayMs: number): Limits {
  const most = positive(env[`${prefix}_MAX_QUEUE_SIZE`], 2048);
  return {
    most,
    batch: Math.min(most, positive(env[`${prefix}_MAX_EXPORT_BATCH_SIZE`], 512)),
    delayMs: positive(env[`${prefix}_SCHEDULE_DELAY`], delayMs),
    timeoutMs: positive(env[`${prefix}_EXPORT_TIMEOUT`], exportTimeoutMs),
  };
}

export function positive(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) && value > 0 ? value : fallback;
}

export interface Sender<T> {
  push(item: T): void;
  /** Sends what waits, and ends the exporter. Rejects with what kept it from that. */
  shutdown(): Promise<void>;
}

/** A queue before an exporter. */
export function queueTo<T, Made>(exporter: Exporter<Made>, { signal, dropped, made, ...options }: QueueOptions<T, Made>): Sender<T> {
  const send = (items: T[]): Promise<Sent> =>
    new Promise((resolve) => {
      try {
        exporter.export(items.map(made), ({ code, error }) => resolve(code === 0 ? { kind: 'taken' } : { kind: kindOf(error), error }));
      } catch (error) {
        resolve({ kind: 'refused', error });
      }
    });
  const queue = createSendQueue({ ...options, mostBytes, send, dropped: (count) => dropped(signal, count) });
  const shutdown = async (): Promise<void> => {
    const error = await queue.stop();
    await exporter.shutdown();
    if (error !== undefined) throw error;
  };
  return { push: queue.push, shutdown };
}

/** By what the exporters say: a status that they do not try again is a number, and their own time-out has this text alone. */
function kindOf(error: Error | undefined): Sent['kind'] {
  if (error !== undefined && 'code' in error && typeof error.code === 'number') return 'refused';
  return error?.message === 'Request timed out' ? 'late' : 'unreachable';
}

function lengths(texts: object): number {
  let sum = 0;
  for (const name in texts) {
    const value: unknown = Reflect.get(texts, name);
    if (typeof value === 'string') sum += value.length;
  }
  return sum;
}

export function weightOfSpan({ attributes, fault }: SentSpan): number {
  return itemBytes + lengths(attributes) + (fault?.length ?? 0);
}

export function weightOfRecord({ body, attributes }: ReadableLogRecord): number {
  return itemBytes + (typeof body === 'string' ? body.length : 0) + lengths(attributes);
}
