import type { ProcedureModule } from './types.ts';

export const procedures: ProcedureModule = {
  migrations: [
    'CREATE TABLE ageing (id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL, offset_ms REAL NOT NULL, reached_ms REAL NOT NULL)',
  ],
  writes: {
    /** Answers what is added to the uptime: that of the same boot, or one that goes on from the later of wall clock and time reached. */
    begin(db, { bootId, uptimeMs, wallMs }: { bootId: string; uptimeMs: number; wallMs: number }): number {
      const row = db.prepare('SELECT boot_id, offset_ms, reached_ms FROM ageing').get();
      if (row && bootId !== '' && row['boot_id'] === bootId) return Number(row['offset_ms']);
      const nowMs = Math.max(wallMs, Number(row?.['reached_ms'] ?? 0));
      db.prepare('INSERT OR REPLACE INTO ageing VALUES (1, ?, ?, ?)').run(bootId, nowMs - uptimeMs, nowMs);
      return nowMs - uptimeMs;
    },
    reached(db, ageMs: number): void {
      db.prepare('UPDATE ageing SET reached_ms = max(reached_ms, ?)').run(ageMs);
    },
  },
  reads: {},
};
