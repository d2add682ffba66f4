import type { Clock } from '../kernel/clock.ts';
import { outsideCalls } from '../kernel/outside-calls.ts';
import type { Settings } from '../settings/types.ts';
import type { OpenStore } from '../store/index.ts';
import type { FinishedSpan, Logger, Metrics, SpanSink } from '../telemetry/types.ts';
import { createSampling, type Worth } from './sampling.ts';
import type { AppendArgs, Bounds, KeptSpan, Oldest } from './trace-procedures.ts';

/** Spans that wait for the disk; what is over it is lost and counted. */
const mostWaiting = 4096;
/** What ends within this time is written at once. */
const gatherMs = 1000;
/** Spans of one write: more would hold up others. */
const batchSpans = 256;
/** How often the bounds are looked at. */
const lookEveryMs = 5000;
/** Characters that a span's message and attributes may take. */
const mostText = 1024;

export interface KeeperOptions {
  readonly store: Pick<OpenStore, 'read' | 'write' | 'ageing'>;
  readonly settings: Settings['traces'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Keeper extends SpanSink {
  /** Resolves when what has ended is written, or lost. */
  flush(): Promise<void>;
  setSettings(settings: Settings['traces']): void;
  stop(): Promise<void>;
}

/** Takes finished spans off the calls and writes them in batches. A disk that refuses costs spans, and nothing else. */
export function createKeeper(options: KeeperOptions): Keeper {
  const { store, clock, metrics, logger } = options;
  const sampling = createSampling(clock);
  const kept = metrics.counter('sboxagent_spans_total');
  const dropped = metrics.counter('sboxagent_spans_dropped_total');
  let settings = options.settings;
  const waiting: KeptSpan[] = [];
  let writing: Promise<void> = Promise.resolve();
  let cancel: (() => void) | undefined;
  // What an earlier agent left is looked at too.
  let oldest: Oldest = 0;
  let unsampled = 0;
  let refused = false;
  metrics.observe('sboxagent_spans_unsampled_total', { kind: 'counter' }, () => [{ value: unsampled }]);

  const bounds = (): Bounds => ({ nowMs: store.ageing.nowMs(), ageMs: settings.retention.ageMs, bytes: settings.retention.bytes });
  const write = async (spans: readonly KeptSpan[]): Promise<void> => {
    try {
      oldest = await store.write<Oldest>('traces', 'append', { spans, bounds: bounds() } satisfies AppendArgs, spans.length);
      kept.add(spans.length);
      refused = false;
    } catch (error) {
      dropped.add(spans.length, { reason: 'disk' });
      if (!refused) logger.warn({ error }, 'spans could not be written: they are dropped until the disk takes them again');
      refused = true;
    }
  };
  const drain = async (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    while (waiting.length > 0) await write(waiting.splice(0, batchSpans));
  };
  const flush = (): Promise<void> => {
    writing = writing.then(drain);
    return writing;
  };
  const put = (span: FinishedSpan, worth: Worth): void => {
    if (waiting.length >= mostWaiting) {
      dropped.add(1, { reason: 'queue' });
      return;
    }
    waiting.push({ span: bounded(span), worth });
    cancel ??= outsideCalls(() => clock.after(gatherMs, () => void flush()));
  };
  const look = (): void => {
    const now = bounds();
    if (oldest === undefined || oldest >= now.nowMs - now.ageMs) return;
    store.write<Oldest>('traces', 'prune', now).then(
      (left) => {
        oldest = left;
      },
      () => {},
    );
  };
  const stopLooking = clock.every(lookEveryMs, look);
  return {
    called(call) {
      if (!settings.enabled) return;
      const worth = sampling.worthOfCall(call);
      if (worth === undefined) unsampled += 1;
      else put(call.finished(), worth);
    },
    belongs: (traceId) => settings.enabled && sampling.belongs(traceId),
    keep(span) {
      if (!settings.enabled) return;
      if (sampling.wantsWork()) put(span, 'notable');
      else unsampled += 1;
    },
    flush,
    setSettings(next) {
      settings = next;
    },
    async stop() {
      stopLooking();
      await flush();
    },
  };
}

/** A span of a bounded length, in texts that can be stored to the letter. */
function bounded(span: FinishedSpan): FinishedSpan {
  const attributes = Object.fromEntries(Object.entries(span.attributes).map(([key, value]) => [key, cut(value)]));
  return { ...span, message: cut(span.message), attributes };
}

function cut(text: string): string {
  return (text.length > mostText ? `${text.slice(0, mostText)}…` : text).toWellFormed().replaceAll('\0', '\ufffd');
}
