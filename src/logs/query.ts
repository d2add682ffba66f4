import { type Blob, readBackward, readForward } from './blob.ts';
import { matcher, type StoredEntry, sourceMatcher } from './entry.ts';
import type { SourceFiles } from './source-files.ts';
import type { LogFilter, Logs } from './types.ts';

type Query = Parameters<Logs['list']>[0];

/** Entries of one source in order, read as they are asked for. */
interface Reader {
  /** The next entry without taking it; undefined when `fill` must be asked for more. */
  head(): StoredEntry | undefined;
  take(): void;
  /** Reads on; false at the end. */
  fill(): Promise<boolean>;
  close(): Promise<void>;
}

/** A page of the entries of all sources, merged by seq. */
export async function list(sources: readonly SourceFiles[], query: Query): ReturnType<Logs['list']> {
  const matches = matcher(query.filter);
  const entries: StoredEntry[] = [];
  await scan(sources, query, (entry) => {
    if (matches(entry)) entries.push(entry);
    return entries.length <= query.pageSize;
  });
  if (entries.length <= query.pageSize) return { entries };
  const page = entries.slice(0, query.pageSize);
  const last = page.at(-1);
  return last ? { entries: page, nextCursor: last.seq } : { entries: page };
}

/** Calls `fn` with the entries after the cursor in order, until it answers false. */
export async function scan(
  sources: readonly SourceFiles[],
  query: { readonly filter?: LogFilter; readonly order: 'asc' | 'desc'; readonly cursor?: number },
  fn: (entry: StoredEntry) => boolean,
): Promise<void> {
  const admits = sourceMatcher(query.filter);
  const readers = sources.filter((source) => admits(source.source)).map((source) => createReader(source, query.order, query.cursor));
  try {
    for (;;) {
      const best = await pick(readers, query.order);
      if (best === undefined) return;
      best.reader.take();
      if (!fn(best.entry)) return;
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

async function pick(readers: readonly Reader[], order: 'asc' | 'desc'): Promise<{ reader: Reader; entry: StoredEntry } | undefined> {
  let best: { reader: Reader; entry: StoredEntry } | undefined;
  for (const reader of readers) {
    let entry = reader.head();
    // Waiting only where something must be read keeps a scan of many entries cheap.
    while (entry === undefined && (await reader.fill())) entry = reader.head();
    if (entry && (!best || (order === 'asc' ? entry.seq < best.entry.seq : entry.seq > best.entry.seq))) best = { reader, entry };
  }
  return best;
}

function createReader(source: SourceFiles, order: 'asc' | 'desc', cursor: number | undefined): Reader {
  const edge = cursor ?? (order === 'asc' ? 0 : Number.POSITIVE_INFINITY);
  const files = filesFrom(source, order, edge);
  let blob: Blob | undefined;
  let next: (() => Promise<StoredEntry[] | undefined>) | undefined;
  let batch: StoredEntry[] = [];
  let index = 0;
  const fill = async (): Promise<boolean> => {
    for (;;) {
      const more = await next?.();
      if (more !== undefined) {
        batch = more;
        index = 0;
        return true;
      }
      await blob?.close();
      blob = undefined;
      next = undefined;
      const file = files.shift();
      if (file === undefined) return false;
      blob = await source.open(file);
      if (blob) next = (order === 'asc' ? readForward : readBackward)(blob, source.source, edge);
    }
  };
  return {
    head: () => batch[index],
    fill,
    take: () => void index++,
    async close() {
      await blob?.close();
    },
  };
}

/** The files that can hold entries beyond the edge, in reading order: a file ends where the next one begins. */
function filesFrom(source: SourceFiles, order: 'asc' | 'desc', edge: number): ReturnType<SourceFiles['list']>[number][] {
  const files = source.list();
  if (order === 'desc') return files.filter((file) => file.firstSeq < edge).toReversed();
  return files.filter((_, index) => (files[index + 1]?.firstSeq ?? Number.POSITIVE_INFINITY) > edge + 1);
}
