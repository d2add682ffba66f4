import type { MetricHistoryStore } from '../telemetry/types.ts';
import type { MetricSlot } from './metric-history-procedures.ts';
import type { Store } from './types.ts';

/** Where slots of the past of metrics are kept: as many rows as there are slots. */
export function metricHistoryStore(store: Pick<Store, 'read' | 'write'>): MetricHistoryStore {
  return {
    load: () => store.read<readonly MetricSlot[]>('metric_history', 'load', {}),
    save: (kept, windows) =>
      store.write('metric_history', 'save', { kept, windows: windows.map(({ windowMs, slots }) => ({ windowMs, slots })) }),
  };
}
