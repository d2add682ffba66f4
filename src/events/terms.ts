/**
 * What events are found by, in place of an index of each column: for each stretch of the journal the types, subjects and traces that it holds. An
 * insert then changes hardly more than the row itself, and a search reads only the stretches that hold what it looks for.
 */
import type { DatabaseSync } from 'node:sqlite';
import { prepared } from '../store/index.ts';

/** What a term is: its number in the table. */
const kinds = { type: 0, subject: 1, trace: 2 } as const;

export interface Term {
  readonly kind: keyof typeof kinds;
  /** As the column of the row holds it; an empty one is not noted. */
  readonly text: string;
}

/** A stretch has so many revisions, as a power of two. */
const stretchBits = 10;
const stretchRevisions = 2 ** stretchBits;

export function stretchOf(revision: number): number {
  return Math.floor(revision / stretchRevisions);
}

/** First and last revision of a stretch. */
export function revisionsOf(stretch: number): { readonly first: number; readonly last: number } {
  return { first: stretch * stretchRevisions, last: (stretch + 1) * stretchRevisions - 1 };
}

/** Of databases that had an index of each. */
export const termsMigration = `
  DROP INDEX events_type;
  DROP INDEX events_subject;
  DROP INDEX events_trace;
  CREATE TABLE events_terms (
    stretch INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    term TEXT NOT NULL,
    PRIMARY KEY (stretch, kind, term)
  ) WITHOUT ROWID;
  INSERT INTO events_terms SELECT DISTINCT revision >> ${stretchBits}, ${kinds.type}, type FROM events;
  INSERT INTO events_terms SELECT DISTINCT revision >> ${stretchBits}, ${kinds.subject}, subject FROM events WHERE subject <> '';
  INSERT INTO events_terms SELECT DISTINCT revision >> ${stretchBits}, ${kinds.trace}, trace_id FROM events WHERE trace_id <> ''`;

/** Notes the terms of the rows of one call. Most rows of a call have the same: those are written once. */
export function createTermNotes(db: DatabaseSync) {
  const insert = prepared(db, 'INSERT OR IGNORE INTO events_terms VALUES (?, ?, ?)');
  const noted = { type: new Set<string>(), subject: new Set<string>(), trace: new Set<string>() };
  let stretch = -1;
  return (kind: Term['kind'], text: string, revision: number): void => {
    if (stretchOf(revision) !== stretch) {
      stretch = stretchOf(revision);
      for (const seen of Object.values(noted)) seen.clear();
    }
    if (text === '' || noted[kind].has(text)) return;
    noted[kind].add(text);
    insert.run(stretch, kinds[kind], text);
  };
}

/** Forgets the terms of stretches that lie wholly before a revision. */
export function forgetTermsBefore(db: DatabaseSync, revision: number): void {
  prepared(db, 'DELETE FROM events_terms WHERE stretch < ?').run(stretchOf(revision));
}

export interface Search {
  readonly order: 'asc' | 'desc';
  /** Revisions between which the walk goes, both counted in. */
  readonly first: number;
  readonly last: number;
  /** At most so many stretches. */
  readonly limit: number;
}

/** The stretches that hold a term, in the order of the walk. */
export function stretchesWith(db: DatabaseSync, { kind, text }: Term, { order, first, last, limit }: Search): readonly number[] {
  const holds = prepared(db, 'SELECT 1 FROM events_terms WHERE stretch = ? AND kind = ? AND term = ?');
  const found: number[] = [];
  const [oldest, newest] = [stretchOf(first), stretchOf(last)];
  const step = order === 'asc' ? 1 : -1;
  for (let at = order === 'asc' ? oldest : newest; at >= oldest && at <= newest && found.length < limit; at += step) {
    if (holds.get(at, kinds[kind], text) !== undefined) found.push(at);
  }
  return found;
}
