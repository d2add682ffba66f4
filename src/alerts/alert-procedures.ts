/** The alerts' SQL. Runs in the threads of the store; what goes in and out is structured-clone data. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../store/index.ts';

/** One alert as its row. */
export interface AlertRow {
  readonly id: string;
  /** How far its events are in the journal: 0 none, 1 firing, 2 resolved. */
  readonly told: number;
  /** When it was resolved, on the store's ageing clock; 0 while it fires. */
  readonly resolvedAgeMs: number;
  /** The view as JSON. */
  readonly body: string;
}

/** That a webhook has not yet been told of the end of an alert. */
export interface Owed {
  readonly webhook: string;
  readonly id: string;
}

export interface SaveArgs {
  readonly rows: readonly AlertRow[];
  readonly owed: readonly Owed[];
  readonly removed: readonly string[];
}

export interface Loaded {
  /** Resolved ones in the order of their end. */
  readonly rows: readonly AlertRow[];
  readonly owed: readonly Owed[];
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE alerts (id TEXT PRIMARY KEY, told INTEGER NOT NULL, resolved_age_ms REAL NOT NULL, body TEXT NOT NULL);
     CREATE TABLE alerts_owed (webhook TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (webhook, id))`,
  ],
  writes: {
    save(db, { rows, owed, removed }: SaveArgs): void {
      const put = prepared(db, 'INSERT OR REPLACE INTO alerts (id, told, resolved_age_ms, body) VALUES (?, ?, ?, ?)');
      for (const { id, told, resolvedAgeMs, body } of rows) put.run(id, told, resolvedAgeMs, body);
      const owe = prepared(db, 'INSERT OR IGNORE INTO alerts_owed (webhook, id) VALUES (?, ?)');
      for (const { webhook, id } of owed) owe.run(webhook, id);
      for (const id of removed) {
        prepared(db, 'DELETE FROM alerts WHERE id = ?').run(id);
        prepared(db, 'DELETE FROM alerts_owed WHERE id = ?').run(id);
      }
    },
    told(db, marks: readonly { readonly id: string; readonly told: number }[]): void {
      for (const { id, told } of marks) prepared(db, 'UPDATE alerts SET told = ? WHERE id = ?').run(told, id);
    },
    settled(db, { webhook, ids }: { webhook: string; ids: readonly string[] }): void {
      for (const id of ids) prepared(db, 'DELETE FROM alerts_owed WHERE webhook = ? AND id = ?').run(webhook, id);
    },
    /** Webhooks that are no longer configured are owed nothing. */
    webhooks(db, names: readonly string[]): void {
      for (const { webhook } of rowsOf(db, 'SELECT DISTINCT webhook FROM alerts_owed')) {
        if (!names.includes(String(webhook))) prepared(db, 'DELETE FROM alerts_owed WHERE webhook = ?').run(String(webhook));
      }
    },
  },
  reads: {
    load: (db): Loaded => ({
      rows: rowsOf(db, 'SELECT id, told, resolved_age_ms, body FROM alerts ORDER BY resolved_age_ms, id').map((row) => ({
        id: String(row['id']),
        told: Number(row['told']),
        resolvedAgeMs: Number(row['resolved_age_ms']),
        body: String(row['body']),
      })),
      owed: rowsOf(db, 'SELECT webhook, id FROM alerts_owed ORDER BY id').map((row) => ({
        webhook: String(row['webhook']),
        id: String(row['id']),
      })),
    }),
  },
};

function rowsOf(db: DatabaseSync, sql: string) {
  return prepared(db, sql).all();
}
