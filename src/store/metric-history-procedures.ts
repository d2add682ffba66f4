import type { ProcedureModule } from './types.ts';

export interface MetricSlot {
  readonly windowMs: number;
  /** Number of the slot since 1970, in slots of this window. */
  readonly slot: number;
  readonly data: string;
}

export interface SaveMetricSlots {
  readonly kept: readonly MetricSlot[];
  /** What is older than this many slots of its window goes. */
  readonly windows: readonly { readonly windowMs: number; readonly slots: number }[];
}

export const procedures: ProcedureModule = {
  migrations: [
    'CREATE TABLE metric_slots (window_ms REAL NOT NULL, slot REAL NOT NULL, data TEXT NOT NULL, PRIMARY KEY (window_ms, slot))',
  ],
  writes: {
    save(db, { kept, windows }: SaveMetricSlots): void {
      const slotsOf = new Map(windows.map(({ windowMs, slots }) => [windowMs, slots]));
      for (const { windowMs, slot, data } of kept) {
        db.prepare('INSERT OR REPLACE INTO metric_slots (window_ms, slot, data) VALUES (?, ?, ?)').run(windowMs, slot, data);
        // Also those of a time to come: a clock that was ahead has written them.
        db.prepare('DELETE FROM metric_slots WHERE window_ms = ? AND (slot <= ? OR slot > ?)').run(
          windowMs,
          slot - (slotsOf.get(windowMs) ?? 0),
          slot,
        );
      }
    },
  },
  reads: {
    load: (db): readonly MetricSlot[] =>
      db
        .prepare('SELECT window_ms, slot, data FROM metric_slots ORDER BY window_ms, slot')
        .all()
        .map((row) => ({ windowMs: Number(row['window_ms']), slot: Number(row['slot']), data: String(row['data']) })),
  },
};
