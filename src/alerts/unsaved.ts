import type { Owed } from './alert-procedures.ts';
import type { Book, Entry } from './book.ts';

/** What was told although the store refused it: to be stored as it then is. As much as the book holds. */
export interface Unsaved {
  add(entries: readonly Entry[], owed: readonly Owed[]): void;
  /** As they are now; those that left the book are forgotten. */
  entries(book: Book): readonly Entry[];
  owed(): readonly Owed[];
  size(): number;
  clear(): void;
}

export function createUnsaved(): Unsaved {
  /** Ids, each with the webhooks that are owed its end. */
  const ids = new Map<string, Set<string>>();
  return {
    add(entries, owed) {
      for (const { view } of entries) ids.set(view.id, ids.get(view.id) ?? new Set());
      for (const { id, webhook } of owed) ids.get(id)?.add(webhook);
    },
    entries(book) {
      for (const id of ids.keys()) if (book.get(id) === undefined) ids.delete(id);
      return [...ids.keys()].flatMap((id) => book.get(id) ?? []);
    },
    owed: () => [...ids].flatMap(([id, webhooks]) => [...webhooks].map((webhook) => ({ webhook, id }))),
    size: () => ids.size,
    clear: () => ids.clear(),
  };
}
