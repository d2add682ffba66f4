import type { ProcedureModule } from './types.ts';

export interface SaveTotals {
  readonly name: string;
  readonly data: string;
}

export const procedures: ProcedureModule = {
  migrations: ['CREATE TABLE totals (name TEXT PRIMARY KEY, data TEXT NOT NULL)'],
  writes: {
    save(db, { name, data }: SaveTotals): void {
      db.prepare('INSERT OR REPLACE INTO totals (name, data) VALUES (?, ?)').run(name, data);
    },
  },
  reads: {
    load: (db, name: string): string | undefined =>
      db.prepare('SELECT data FROM totals WHERE name = ?').get(name)?.['data'] as string | undefined,
  },
};
