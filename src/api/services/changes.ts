/** A snapshot of what a room has, then its changes, for a reader of any pace. */

export interface Change<V> {
  readonly items: readonly V[];
  readonly removedIds: readonly string[];
}

/** What can be watched: a set of things with ids. Both are synchronous, so that nothing falls between them. */
export interface Changing<V> {
  list(): readonly V[];
  onChange(fn: (change: Change<V>) => void): () => void;
}

export interface WatchedChange<V> extends Change<V> {
  readonly snapshot: boolean;
}

/** Changes that wait for a reader one by one; beyond that they are folded into one, with the newest state of each thing. */
const maxWaiting = 256;

interface Identified {
  readonly id: string;
}

/** One change that tells the same in the end. */
export function fold<V extends Identified>(changes: readonly Change<V>[]): Change<V> {
  const items = new Map<string, V>();
  const removed = new Set<string>();
  for (const change of changes) {
    for (const item of change.items) {
      removed.delete(item.id);
      items.set(item.id, item);
    }
    for (const id of change.removedIds) {
      items.delete(id);
      removed.add(id);
    }
  }
  return { items: [...items.values()], removedIds: [...removed] };
}

function narrowed<V extends Identified>(change: Change<V>, ids: ReadonlySet<string>): Change<V> {
  if (ids.size === 0) return change;
  return { items: change.items.filter(({ id }) => ids.has(id)), removedIds: change.removedIds.filter((id) => ids.has(id)) };
}

/** Ends quietly when the signal fires. `ids` empty means all. */
export async function* followChanges<V extends Identified>(
  source: Changing<V>,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<WatchedChange<V>> {
  let waiting: Change<V>[] = [];
  let wake: () => void = () => {};
  const stop = source.onChange((change) => {
    const mine = narrowed(change, ids);
    if (mine.items.length === 0 && mine.removedIds.length === 0) return;
    if (waiting.length >= maxWaiting) waiting = [fold(waiting)];
    waiting.push(mine);
    wake();
  });
  const abort = (): void => wake();
  signal.addEventListener('abort', abort, { once: true });
  try {
    const { items } = narrowed({ items: source.list(), removedIds: [] }, ids);
    waiting = [];
    yield { items, removedIds: [], snapshot: true };
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
