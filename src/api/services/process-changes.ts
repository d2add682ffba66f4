/** A snapshot of the processes, then their changes, for a reader of any pace. */
import type { ProcessChange, ProcessView, Supervisor } from '../../processes/types.ts';

export interface WatchedChange extends ProcessChange {
  readonly snapshot: boolean;
}

/** Changes that wait for a reader one by one; beyond that they are folded into one, with the newest state of each process. */
const maxWaiting = 256;

/** One change that tells the same in the end. */
export function fold(changes: readonly ProcessChange[]): ProcessChange {
  const processes = new Map<string, ProcessView>();
  const removed = new Set<string>();
  for (const change of changes) {
    for (const view of change.processes) {
      removed.delete(view.id);
      processes.set(view.id, view);
    }
    for (const id of change.removedIds) {
      processes.delete(id);
      removed.add(id);
    }
  }
  return { processes: [...processes.values()], removedIds: [...removed] };
}

function narrowed(change: ProcessChange, ids: ReadonlySet<string>): ProcessChange {
  if (ids.size === 0) return change;
  return { processes: change.processes.filter(({ id }) => ids.has(id)), removedIds: change.removedIds.filter((id) => ids.has(id)) };
}

/** Ends quietly when the signal fires. `ids` empty means all. */
export async function* followChanges(
  supervisor: Pick<Supervisor, 'list' | 'onChange'>,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<WatchedChange> {
  let waiting: ProcessChange[] = [];
  let wake: () => void = () => {};
  const stop = supervisor.onChange((change) => {
    const mine = narrowed(change, ids);
    if (mine.processes.length === 0 && mine.removedIds.length === 0) return;
    if (waiting.length >= maxWaiting) waiting = [fold(waiting)];
    waiting.push(mine);
    wake();
  });
  const abort = (): void => wake();
  signal.addEventListener('abort', abort, { once: true });
  try {
    // Nothing can change between these two: both are synchronous.
    const { processes } = narrowed({ processes: supervisor.list(), removedIds: [] }, ids);
    waiting = [];
    yield { processes, removedIds: [], snapshot: true };
    while (!signal.aborted) {
      const change = waiting.shift();
      if (change !== undefined) yield { ...change, snapshot: false };
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}
