import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Run } from './run.ts';

/** So many are looked at before others have their turn. */
const atOnce = 4;

/** Samples all runs once each interval, a few at a time: the event loop goes on between them. Answers how to stop. */
export function sampleRuns(
  clock: Clock,
  everyMs: number,
  { runs, sample }: { readonly runs: () => readonly Run[]; readonly sample: (run: Run) => void },
): () => void {
  let busy = false;
  const all = async (): Promise<void> => {
    for (const [i, run] of runs().entries()) {
      if (i > 0 && i % atOnce === 0) await nextTurn();
      sample(run);
    }
  };
  return clock.every(everyMs, () => {
    if (busy) return;
    busy = true;
    void all().finally(() => {
      busy = false;
    });
  });
}
