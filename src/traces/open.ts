import type { FinishedSpan, SpanSink } from '../telemetry/types.ts';
import { createKeeper, type Keeper, type KeeperOptions } from './keeper.ts';
import { composeStory, mostSpans, type StorySources } from './story.ts';
import type { TracePage, Traces } from './types.ts';

export interface TracesOptions extends KeeperOptions, StorySources {}

export interface OpenTraces extends Traces {
  /** Where finished spans are to go. */
  readonly sink: SpanSink;
  setSettings: Keeper['setSettings'];
  stop(): Promise<void>;
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
    async list(asked) {
      await keeper.flush();
      return store.read<TracePage>('traces', 'list', asked);
    },
    setSettings: keeper.setSettings,
    stop: keeper.stop,
  };
}
