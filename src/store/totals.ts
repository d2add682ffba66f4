import type { Store } from './types.ts';

/** One small value that a room goes on from after a restart: what it has counted so far. */
export interface TotalsStore<T> {
  /** Undefined where nothing was saved yet. */
  load(): Promise<T | undefined>;
  save(value: T): Promise<void>;
}

/** `name` says whose it is; the value is kept as JSON. */
export function totalsStore<T>(store: Pick<Store, 'read' | 'write'>, name: string): TotalsStore<T> {
  return {
    async load() {
      const data = await store.read<string | undefined>('totals', 'load', name);
      return data === undefined ? undefined : (JSON.parse(data) as T);
    },
    save: (value) => store.write('totals', 'save', { name, data: JSON.stringify(value) }),
  };
}
