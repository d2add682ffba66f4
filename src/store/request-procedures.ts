import type { ProcedureModule } from './types.ts';

export interface RememberedAnswer {
  readonly hash: string;
  readonly response: Uint8Array;
}

export interface Remember extends RememberedAnswer {
  readonly key: string;
  readonly nowMs: number;
  readonly keptMs: number;
  readonly maxCount: number;
  readonly maxBytes: number;
}

/** How often the bounds are looked at, in answers. */
const pruneEvery = 64;

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE requests (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, time_ms REAL NOT NULL,
       bytes INTEGER NOT NULL, response BLOB NOT NULL);
     CREATE INDEX requests_size ON requests (seq DESC, bytes, time_ms)`,
  ],
  writes: {
    remember(db, { key, hash, response, nowMs, keptMs, maxCount, maxBytes }: Remember): void {
      const { lastInsertRowid } = db
        .prepare('INSERT OR REPLACE INTO requests (key, hash, time_ms, bytes, response) VALUES (?, ?, ?, ?, ?)')
        .run(key, hash, nowMs, response.byteLength, response);
      if (Number(lastInsertRowid) % pruneEvery !== 0) return;
      db.prepare('DELETE FROM requests WHERE time_ms < ? OR seq <= ?').run(nowMs - keptMs, Number(lastInsertRowid) - maxCount);
      let bytes = 0;
      for (const row of db.prepare('SELECT seq, bytes FROM requests INDEXED BY requests_size ORDER BY seq DESC').iterate()) {
        bytes += Number(row['bytes']);
        if (bytes <= maxBytes) continue;
        db.prepare('DELETE FROM requests WHERE seq <= ?').run(Number(row['seq']));
        break;
      }
    },
  },
  reads: {
    lookup(db, { key, sinceMs }: { key: string; sinceMs: number }): RememberedAnswer | undefined {
      const row = db.prepare('SELECT hash, response FROM requests WHERE key = ? AND time_ms >= ?').get(key, sinceMs);
      const response = row?.['response'];
      return row && response instanceof Uint8Array ? { hash: String(row['hash']), response } : undefined;
    },
  },
};
