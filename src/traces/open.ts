import type { FinishedSpan, SpanSink } from '../telemetry/types.ts';
import { createKeeper, type Keeper, type KeeperOptions } from './keeper.ts';
import { composeStory, mostSpans, type StorySources } from './story.ts';
import type { TraceScan } from './trace-procedures.ts';
import type { TraceListOptions, TracePage, TraceSummary, Traces } from './types.ts';

export interface TracesOptions extends KeeperOptions, StorySources {}

export interface OpenTraces extends Traces {
  /** Where finished spans are to go. */
  readonly sink: SpanSink;
  setSettings: Keeper['setSettings'];
  stop(): Promise<void>;
}

/** A page, by as many looks as it takes. One more than the page is looked for: it says whether there is a next one. */
async function listTraces(store: KeeperOptions['store'], asked: TraceListOptions, signal: AbortSignal | undefined): Promise<TracePage> {
  const traces: TraceSummary[] = [];
  let { cursor } = asked;
  for (;;) {
    signal?.throwIfAborted();
    const step = await store.read<TraceScan>('traces', 'list', { ...asked, cursor, pageSize: asked.pageSize + 1 - traces.length });
    traces.push(...step.traces);
    cursor = step.scanned;
    if (step.done || traces.length > asked.pageSize) break;
  }
  const page = traces.slice(0, asked.pageSize);
  const last = page.at(-1);
  return { traces: page, nextCursor: traces.length > page.length && last !== undefined ? `${last.startMs}:${last.traceId}` : undefined };
}

export function openTraces(options: TracesOptions): OpenTraces {
  const { store } = options;
  const keeper = createKeeper(options);
  return {
    sink: keeper,
    async get(traceId, signal) {
      // Who has just got the answer to a call finds its span.
      await keeper.flush();
      const spans = await store.read<readonly FinishedSpan[]>('traces', 'spans', { traceId, limit: mostSpans + 1 });
      return composeStory(traceId, spans, { ...options, signal });
    },
    async list(asked, signal) {
      await keeper.flush();
      return listTraces(store, asked, signal);
    },
    setSettings: keeper.setSettings,
    stop: keeper.stop,
  };
}
