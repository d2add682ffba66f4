import { type BlockLines, blockLines } from './block-lines.ts';
import type { StoredEntry } from './entry.ts';
import type { EntryBlocks, From } from './entry-blocks.ts';
import type { LogFile, SourceFiles } from './source-files.ts';

/** Entries of one source in order, read as they are asked for: at most one block of one file is held. */
export interface SourceReader {
  /**
   * No entry that is still to come lies before this seq (descending: behind it). Known without reading: of many sources only those are opened that
   * the page comes to.
   */
  bound(): number;
  /** The next entry without taking it; undefined when `fill` must be asked first. */
  head(): StoredEntry | undefined;
  take(): void;
  /** Reads on; false at the end. */
  fill(): Promise<boolean>;
  close(): Promise<void>;
}

interface Candidate {
  readonly file: LogFile;
  /** Where its entries end, in the direction of reading first. */
  readonly bound: number;
}

/** What a reader needs of a source. */
type Readable = Pick<SourceFiles, 'source' | 'list' | 'newestSeq' | 'open'>;

export function createSourceReader(source: Readable, from: From): SourceReader {
  const files = candidates(source, from);
  let blocks: EntryBlocks | undefined;
  let lines: BlockLines | undefined;
  let reached = files[0]?.bound ?? endOf(from);
  const close = async (): Promise<void> => {
    const closing = blocks;
    blocks = undefined;
    lines = undefined;
    await closing?.close();
  };
  return {
    bound: () => lines?.head()?.seq ?? reached,
    head: () => lines?.head(),
    take() {
      reached = lines?.head()?.seq ?? reached;
      lines?.take();
    },
    async fill() {
      for (;;) {
        const bytes = await blocks?.next();
        if (bytes !== undefined) {
          lines = blockLines(bytes, source.source, from);
          if (lines.head() !== undefined) return true;
          continue;
        }
        await close();
        const next = files.shift();
        if (next === undefined) {
          reached = endOf(from);
          return false;
        }
        blocks = await source.open(next.file, from);
      }
    },
    close,
  };
}

function endOf({ order }: From): number {
  return order === 'asc' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

/** The files that can hold entries beyond the edge, in reading order: a file ends where the next one begins. */
function candidates(source: Readable, { order, edge }: From): Candidate[] {
  const files = source.list();
  const lastOf = (index: number): number => (files[index + 1]?.firstSeq ?? source.newestSeq() + 1) - 1;
  if (order === 'desc') {
    return files
      .map((file, index) => ({ file, bound: Math.min(lastOf(index), edge - 1) }))
      .filter(({ file }) => file.firstSeq < edge)
      .toReversed();
  }
  return files.flatMap((file, index) => (lastOf(index) > edge ? [{ file, bound: Math.max(file.firstSeq, edge + 1) }] : []));
}
