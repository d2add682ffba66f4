/** The applies' SQL. Runs in the threads of the store. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../../store/index.ts';

export interface ApplyRow {
  readonly id: string;
  readonly processId: string;
  readonly phase: string;
  /** JSON of the record. */
  readonly record: string;
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE applies (id TEXT PRIMARY KEY, process_id TEXT NOT NULL, phase TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID`,
    'CREATE INDEX applies_by_process ON applies (process_id, id)',
  ],
  writes: { save },
  reads: { find, unfinished },
};

function rowOf(row: Record<string, unknown>): ApplyRow {
  return {
    id: String(row['id']),
    processId: String(row['process_id']),
    phase: String(row['phase']),
    record: String(row['record']),
  };
}

/** Ids rise with time, so that the oldest of a process are those with the smallest. */
function save(db: DatabaseSync, { row, keep }: { row: ApplyRow; keep: number }): void {
  prepared(
    db,
    'INSERT INTO applies (id, process_id, phase, record) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, record = excluded.record',
  ).run(row.id, row.processId, row.phase, row.record);
  prepared(
    db,
    `DELETE FROM applies WHERE process_id = ?1 AND phase = 'DONE' AND id NOT IN (SELECT id FROM applies WHERE process_id = ?1 ORDER BY id DESC LIMIT ?2)`,
  ).run(row.processId, keep);
}

function find(db: DatabaseSync, { id }: { id: string }): ApplyRow | undefined {
  const row = prepared(db, 'SELECT * FROM applies WHERE id = ?').get(id);
  return row && rowOf(row);
}

/** Those that a death of the agent interrupted. */
function unfinished(db: DatabaseSync): readonly ApplyRow[] {
  return prepared(db, "SELECT * FROM applies WHERE phase <> 'DONE' ORDER BY id").all().map(rowOf);
}
