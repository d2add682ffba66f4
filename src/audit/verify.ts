import type { DatabaseSync } from 'node:sqlite';
import { chainOf, entryOf } from './audit-procedures.ts';
import { hashOf } from './chain.ts';

/** What was found out about a chain. */
export interface Verdict {
  /** Entries that were looked at. */
  readonly entries: number;
  /** Sequence of the first and the last one; 0 without entries. */
  readonly first: number;
  readonly last: number;
  /** Of the newest entry: whoever writes it down elsewhere can tell later that nothing before it was changed. */
  readonly hash: string;
  /** The first thing that is wrong; undefined where nothing is. */
  readonly problem: Problem | undefined;
}

export interface Problem {
  /** Where: the sequence of the entry. */
  readonly sequence: number;
  readonly kind: 'CHANGED' | 'REMOVED' | 'ANCHOR_LOST';
  readonly message: string;
}

interface Link {
  readonly sequence: number;
  readonly hash: string;
}

/** `known`: an entry's hash that was written down elsewhere. Reads all of the chain; call it inside a transaction. */
export function verifyChain(db: DatabaseSync, known?: Link): Verdict {
  const chain = chainOf(db);
  const start: Link = { sequence: chain?.anchorSequence ?? 0, hash: chain?.anchor ?? '' };
  let last = start;
  let first = 0;
  let entries = 0;
  let problem: Problem | undefined;
  for (const row of db.prepare('SELECT * FROM audit_entries ORDER BY sequence').iterate()) {
    const entry = entryOf(row);
    problem = chain === undefined ? anchorLost(entry.sequence) : judge(entry, last, known);
    if (problem !== undefined) break;
    if (entries === 0) first = entry.sequence;
    entries += 1;
    last = { sequence: entry.sequence, hash: entry.hash };
  }
  if (problem === undefined && chain !== undefined) problem = judgeEnd(last, { sequence: chain.lastSequence, hash: chain.lastHash });
  if (problem === undefined && known !== undefined && known.sequence > last.sequence) problem = removed(known.sequence, known.sequence);
  return { entries, first, last: entries === 0 ? 0 : last.sequence, hash: last.hash, problem };
}

function judge(entry: ReturnType<typeof entryOf>, before: Link, known: Link | undefined): Problem | undefined {
  const { sequence, hash } = entry;
  if (sequence !== before.sequence + 1) return removed(before.sequence + 1, sequence - 1);
  if (hashOf(entry, before.hash) !== hash) {
    return { sequence, kind: 'CHANGED', message: `entry ${sequence} is not as it was written: it was changed, or put in another's place` };
  }
  if (known?.sequence !== sequence || known.hash === hash) return undefined;
  return {
    sequence,
    kind: 'CHANGED',
    message: `entry ${sequence} has another hash than the one that is known: the chain was written anew`,
  };
}

function judgeEnd(last: Link, end: Link): Problem | undefined {
  if (last.sequence < end.sequence) return removed(last.sequence + 1, end.sequence);
  if (last.sequence === end.sequence && last.hash === end.hash) return undefined;
  return { sequence: last.sequence, kind: 'CHANGED', message: `entry ${last.sequence} is not the one that the chain ended with` };
}

function removed(from: number, to: number): Problem {
  return { sequence: from, kind: 'REMOVED', message: to <= from ? `entry ${from} was removed` : `entries ${from} to ${to} were removed` };
}

function anchorLost(sequence: number): Problem {
  return { sequence, kind: 'ANCHOR_LOST', message: `what entry ${sequence} is anchored to was removed` };
}
