import type { Store } from '../../store/index.ts';
import type { PartRow } from '../fleet-procedures.ts';
import type { Part } from './types.ts';

/** Rollouts of each unit that are remembered. */
const keep = 10;

/** What this agent did in the rollouts of before. Only this decides what it does again, and to which revision it goes back. */
export interface Parts {
  get(rollout: string): Part | undefined;
  /** The highest generation that it took for a unit. */
  generationOf(unit: string): number;
  /** Durable when it resolves. */
  save(part: Part): Promise<void>;
  drop(rollout: string): Promise<void>;
}

export async function openParts(store: Pick<Store, 'read' | 'write'>): Promise<Parts> {
  const texts = await store.read<readonly string[]>('fleet', 'parts', {});
  const all = new Map(texts.map((text) => JSON.parse(text) as Part).map((part) => [part.rollout, part]));
  const ofUnit = (unit: string): readonly Part[] => [...all.values()].filter((part) => part.unit === unit);
  return {
    get: (rollout) => all.get(rollout),
    generationOf: (unit) => Math.max(0, ...ofUnit(unit).map(({ generation }) => generation)),
    async save(part) {
      const { rollout, unit, generation } = part;
      const row: PartRow = { rollout, unit, generation, part: JSON.stringify(part) };
      await store.write('fleet', 'savePart', { row, keep });
      all.set(rollout, part);
      const old = ofUnit(unit)
        .toSorted((a, b) => b.generation - a.generation)
        .slice(keep);
      for (const one of old) all.delete(one.rollout);
    },
    async drop(rollout) {
      await store.write('fleet', 'dropPart', rollout);
      all.delete(rollout);
    },
  };
}
