import { entryBytes, messageBytes } from './entry-size.ts';
import type { LogGroup } from './log-groups.ts';
import { list, scan } from './query.ts';
import type { ScanBudget } from './scan-budget.ts';
import type { LogEntry, LogFilter } from './types.ts';
import type { Writer } from './writer.ts';

/** Of the files one step looks at so many entries: a removal waits for a step, and must not wait long. */
const stepEntries = 4000;
const pageEntries = 500;

/** A step needs no place: a removal waits for it, and it must not wait for somebody's search. */
const noBudget: ScanBudget = { take: () => Promise.resolve(() => {}) };

interface Step {
  readonly entries: readonly LogEntry[];
  readonly cursor: number;
}

/** What comes after a cursor in the files, up to where the ring begins, and no more than one message carries. */
export async function stepFromFiles(
  writer: Writer,
  { cursor, group }: { readonly cursor: number; readonly group: LogGroup },
): Promise<Step> {
  const upTo = writer.ring.floor();
  const entries: LogEntry[] = [];
  let looked = 0;
  let bytes = 0;
  let full = false;
  let reached = cursor;
  const query = { order: 'asc', cursor, ...(group.filter && { filter: group.filter }) } as const;
  await scan({ ...writer.shelf(), budget: noBudget }, query, (entry) => {
    if (entry.seq > upTo) return false;
    const wanted = group.matches(entry);
    if (wanted) bytes += entryBytes(entry);
    full = looked >= stepEntries || entries.length >= pageEntries || (entries.length > 0 && bytes > messageBytes);
    if (full) return false;
    if (wanted) entries.push(entry);
    looked += 1;
    reached = entry.seq;
    return true;
  });
  return { entries, cursor: full ? reached : upTo };
}

export interface BacklogOptions {
  readonly filter: LogFilter | undefined;
  readonly lines: number;
  readonly upTo: number;
  readonly signal: AbortSignal;
}

/** The newest lines up to a seq, oldest first. */
export async function backlog(writer: Writer, { filter, lines, upTo, signal }: BacklogOptions): Promise<readonly LogEntry[]> {
  const query = { order: 'desc', pageSize: lines, cursor: upTo + 1, ...(filter && { filter }), signal } as const;
  return (await list(writer.shelf(), query)).entries.toReversed();
}
