import { matcher, type StoredEntry, sourceMatcher } from './entry.ts';
import type { From } from './entry-blocks.ts';
import { entryBytes, messageBytes } from './entry-size.ts';
import type { ScanBudget } from './scan-budget.ts';
import type { SourceFiles } from './source-files.ts';
import { createSourceReader, type SourceReader } from './source-reader.ts';
import type { LogFilter, Logs } from './types.ts';

type Query = Parameters<Logs['list']>[0];

/** What can be read, and how much of it at a time. */
export interface Shelf {
  readonly sources: readonly SourceFiles[];
  readonly budget: ScanBudget;
  /** Entries beyond are on their way to the disk still: they are in no page before all lower ones are. */
  readonly published: number;
}

/** A page of the entries of all sources, merged by seq; it ends at its number of entries or at 1 MiB. */
export async function list(shelf: Shelf, query: Query): ReturnType<Logs['list']> {
  const matches = matcher(query.filter);
  const entries: StoredEntry[] = [];
  let bytes = 0;
  let more = false;
  await scan(shelf, query, (entry) => {
    if (!matches(entry)) return true;
    bytes += entryBytes(entry);
    more = entries.length >= query.pageSize || (entries.length > 0 && bytes > messageBytes);
    if (!more) entries.push(entry);
    return !more;
  });
  const last = entries.at(-1);
  return more && last ? { entries, nextCursor: last.seq } : { entries };
}

export interface ScanQuery {
  readonly filter?: LogFilter | undefined;
  readonly order: 'asc' | 'desc';
  readonly cursor?: number | undefined;
  readonly signal?: AbortSignal;
}

/** Calls `fn` with the entries after the cursor in order, until it answers false. Throws the reason of a signal that fires. */
export async function scan(shelf: Shelf, query: ScanQuery, fn: (entry: StoredEntry) => boolean): Promise<void> {
  const { order, signal } = query;
  const admits = sourceMatcher(query.filter);
  const newest = shelf.published + 1;
  const from: From = { order, edge: order === 'asc' ? (query.cursor ?? 0) : Math.min(query.cursor ?? newest, newest) };
  const sources = shelf.sources.filter(({ source }) => admits(source));
  const giveBack = await shelf.budget.take(sources.length, signal);
  const readers = new Set(sources.map((source) => createSourceReader(source, from)));
  try {
    for (let next = nearest(readers, order); next !== undefined; next = nearest(readers, order)) {
      const entry = next.head();
      if (entry === undefined) {
        signal?.throwIfAborted();
        if (!(await next.fill())) readers.delete(next);
        continue;
      }
      if (entry.seq >= newest) return;
      next.take();
      if (!fn(entry)) return;
    }
  } finally {
    await Promise.all([...readers].map((reader) => reader.close()));
    giveBack();
  }
}

/** The reader whose next entry may be the next of all. */
function nearest(readers: ReadonlySet<SourceReader>, order: 'asc' | 'desc'): SourceReader | undefined {
  let best: SourceReader | undefined;
  let bound = order === 'asc' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  for (const reader of readers) {
    const its = reader.bound();
    if (best !== undefined && (order === 'asc' ? its >= bound : its <= bound)) continue;
    best = reader;
    bound = its;
  }
  return best;
}
