import { formatSize } from '../kernel/size.ts';
import type { ProcessContext } from './context.ts';
import type { Monitor } from './monitor.ts';
import { findMembers, type RunTree } from './run-tree.ts';

const sampleMs = 5000;

/** Resident bytes of all that a run has started; undefined while nobody can look. */
export async function residentBytes(tree: RunTree): Promise<number | undefined> {
  try {
    const members = await findMembers(tree);
    return members.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  } catch {
    return undefined;
  }
}

/** Watches the ceiling of a unit (`limits.memory`): above it in two samples running, the run is ended and restarted by its policy. */
export function memoryMonitor({ clock }: ProcessContext, everyMs = sampleMs): Monitor {
  return ({ unit, run, signal }, report) => {
    const ceiling = unit.limits.memoryBytes;
    if (ceiling === undefined) return;
    const watch = async (): Promise<void> => {
      for (let above = 0; ; ) {
        await clock.sleep(everyMs, signal);
        const bytes = await residentBytes(run.tree);
        above = bytes !== undefined && bytes > ceiling ? above + 1 : 0;
        if (above < 2) continue;
        const message = `${unit.id} held ${Math.ceil((bytes ?? 0) / 2 ** 20)} MiB in two samples running, above its limit of ${formatSize(ceiling)}`;
        return report({ kind: 'memory-exceeded', message });
      }
    };
    watch().catch(() => undefined); // the run has ended
  };
}
