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
    `CREATE TABLE fleet_parts (rollout TEXT PRIMARY KEY, unit TEXT NOT NULL, generation INTEGER NOT NULL, part TEXT NOT NULL) WITHOUT ROWID`,
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
    savePart(db, { row, keep }: { readonly row: PartRow; readonly keep: number }): void {
      const { rollout, unit, generation, part } = row;
      prepared(
        db,
        'INSERT INTO fleet_parts (rollout, unit, generation, part) VALUES (?, ?, ?, ?) ON CONFLICT (rollout) DO UPDATE SET part = excluded.part',
      ).run(rollout, unit, generation, part);
      prepared(
        db,
        'DELETE FROM fleet_parts WHERE unit = ?1 AND rollout NOT IN (SELECT rollout FROM fleet_parts WHERE unit = ?1 ORDER BY generation DESC LIMIT ?2)',
      ).run(unit, keep);
    },
    dropPart(db, rollout: string): void {
      prepared(db, 'DELETE FROM fleet_parts WHERE rollout = ?').run(rollout);
    },
  },
  reads: {
    parts: (db): readonly string[] =>
      prepared(db, 'SELECT part FROM fleet_parts')
        .all()
        .map(({ part }) => String(part)),
  },
};

/** What the agent knows of its part in one rollout. */
export interface PartRow {
  readonly rollout: string;
  readonly unit: string;
  readonly generation: number;
  /** JSON. */
  readonly part: string;
}

function forwarded(db: DatabaseSync): Forwarded {
  const row = prepared(db, 'SELECT journal_id, revision, sequence FROM fleet_forwarded WHERE one = 1').get();
  return { journalId: String(row?.['journal_id']), revision: Number(row?.['revision']), sequence: Number(row?.['sequence']) };
}
