/** What of the fleet outlives the agent: who it is there, and how far its events have come. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../store/index.ts';

export interface Forwarded {
  /** Names this journal in message ids, so that an agent that was set up anew is not taken for the one before. */
  readonly journalId: string;
  /** Every event up to it is in the stream. */
  readonly revision: number;
  /** Place in the stream of the last of them; 0 = none. */
  readonly sequence: number;
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE fleet_forwarded (one INTEGER PRIMARY KEY CHECK (one = 1), journal_id TEXT NOT NULL, revision INTEGER NOT NULL, sequence INTEGER NOT NULL)`,
  ],
  writes: {
    /** The first call fixes the id of the journal. */
    begin(db, journalId: string): Forwarded {
      prepared(db, 'INSERT OR IGNORE INTO fleet_forwarded (one, journal_id, revision, sequence) VALUES (1, ?, 0, 0)').run(journalId);
      return forwarded(db);
    },
    advance(db, { revision, sequence }: Omit<Forwarded, 'journalId'>): void {
      prepared(db, 'UPDATE fleet_forwarded SET revision = ?, sequence = ? WHERE one = 1 AND revision <= ?').run(
        revision,
        sequence,
        revision,
      );
    },
  },
  reads: {},
};

function forwarded(db: DatabaseSync): Forwarded {
  const row = prepared(db, 'SELECT journal_id, revision, sequence FROM fleet_forwarded WHERE one = 1').get();
  return { journalId: String(row?.['journal_id']), revision: Number(row?.['revision']), sequence: Number(row?.['sequence']) };
}
