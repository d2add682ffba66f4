import type { AlertRow } from './alert-procedures.ts';
import type { AlertView } from './types.ts';

/** One alert in memory. Replaced, never changed, but for `told`. */
export interface Entry {
  readonly view: AlertView;
  /** See AlertRow. */
  told: number;
  readonly resolvedAgeMs: number;
}

export const maxFiring = 1000;
export const maxResolved = 1000;
export const resolvedKeptMs = 30 * 86_400_000;

/** All alerts that are kept: those that fire, and the newest resolved ones. */
export interface Book {
  readonly firing: ReadonlyMap<string, Entry>;
  get(id: string): Entry | undefined;
  put(entry: Entry): void;
  /** Ids of the resolved ones that `more` further ones and their age push out. */
  overdue(nowAgeMs: number, more: number): readonly string[];
  remove(ids: readonly string[]): void;
  entries(): Iterable<Entry>;
  list(): readonly AlertView[];
}

export function keyOf({ rule, subject }: { readonly rule: string; readonly subject: string }): string {
  return `${rule}\0${subject}`;
}

export function createBook(rows: readonly AlertRow[]): Book {
  const firing = new Map<string, Entry>();
  const ids = new Map<string, Entry>();
  /** In the order of their end. */
  const resolved = new Map<string, Entry>();
  const book: Book = {
    firing,
    get: (id) => ids.get(id),
    put(entry) {
      const { view } = entry;
      ids.set(view.id, entry);
      if (view.state === 'RESOLVED') {
        if (firing.get(keyOf(view))?.view.id === view.id) firing.delete(keyOf(view));
        resolved.set(view.id, entry);
      } else firing.set(keyOf(view), entry);
    },
    overdue(nowAgeMs, more) {
      const over = resolved.size + more - maxResolved;
      const all = [...resolved.values()];
      return all.filter((entry, i) => i < over || nowAgeMs - entry.resolvedAgeMs > resolvedKeptMs).map(({ view }) => view.id);
    },
    remove(ended) {
      for (const id of ended) {
        ids.delete(id);
        resolved.delete(id);
      }
    },
    entries: () => ids.values(),
    list: () => [...ids.values()].map(({ view }) => view).sort(compareAlerts),
  };
  for (const row of rows) {
    const view = decode(row.body);
    if (view) book.put({ view, told: row.told, resolvedAgeMs: row.resolvedAgeMs });
  }
  return book;
}

/** Firing ones first, then the newest start. */
export function compareAlerts(a: AlertView, b: AlertView): number {
  if (a.state !== b.state) return a.state === 'FIRING' ? -1 : 1;
  return b.startTimeMs - a.startTimeMs || (a.id < b.id ? 1 : -1);
}

export function rowOf({ view, told, resolvedAgeMs }: Entry): AlertRow {
  return { id: view.id, told, resolvedAgeMs, body: JSON.stringify(view) };
}

/** undefined for a row that bits on the disk have changed. */
function decode(body: string): AlertView | undefined {
  try {
    const view = JSON.parse(body) as AlertView;
    return { ...view, endTimeMs: view.endTimeMs, acknowledged: view.acknowledged };
  } catch {
    return undefined;
  }
}
