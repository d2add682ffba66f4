/** The registry's SQL: what is known of plugins, and the newest events of each. Runs in the threads of the store. */

import { type ProcedureModule, prepared } from '../store/index.ts';
import type { OwnerRow } from './owners.ts';

export interface PluginRow {
  readonly id: string;
  /** JSON of `Facts`. */
  readonly facts: string;
}

export interface EventRow {
  readonly plugin: string;
  readonly revision: number;
  /** JSON of the event. */
  readonly body: string;
}

export interface KeepArgs {
  readonly plugins: readonly PluginRow[];
  readonly rows: readonly EventRow[];
  /** The journal was followed up to this revision. */
  readonly cursor: number;
  /** Events kept of each plugin. */
  readonly kept: number;
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE plugins (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
     CREATE TABLE plugin_events (plugin TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (plugin, revision)) WITHOUT ROWID;
     CREATE TABLE plugin_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL)`,
    'CREATE TABLE plugin_owners (plugin TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID',
  ],
  writes: {
    own(db, { plugin, owner }: OwnerRow): void {
      prepared(db, 'INSERT INTO plugin_owners (plugin, owner) VALUES (?, ?) ON CONFLICT (plugin) DO NOTHING').run(plugin, owner);
    },
    disown(db, plugin: string): void {
      prepared(db, 'DELETE FROM plugin_owners WHERE plugin = ?').run(plugin);
    },
    remove(db, id: string): void {
      prepared(db, 'DELETE FROM plugins WHERE id = ?').run(id);
      prepared(db, 'DELETE FROM plugin_events WHERE plugin = ?').run(id);
    },
    /** In one transaction: the figures of a plugin and the cursor tell of the same events. */
    keep(db, { plugins, rows, cursor, kept }: KeepArgs): void {
      const save = prepared(db, 'INSERT INTO plugins (id, facts) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET facts = excluded.facts');
      for (const { id, facts } of plugins) save.run(id, facts);
      const insert = prepared(db, 'INSERT OR IGNORE INTO plugin_events (plugin, revision, body) VALUES (?, ?, ?)');
      for (const { plugin, revision, body } of rows) insert.run(plugin, revision, body);
      const prune = prepared(
        db,
        `DELETE FROM plugin_events WHERE plugin = ?1 AND revision <=
           (SELECT revision FROM plugin_events WHERE plugin = ?1 ORDER BY revision DESC LIMIT 1 OFFSET ?2)`,
      );
      for (const plugin of new Set(rows.map((row) => row.plugin))) prune.run(plugin, kept);
      prepared(db, 'INSERT INTO plugin_cursor VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET revision = excluded.revision').run(cursor);
    },
  },
  reads: {
    all: (db): readonly PluginRow[] =>
      prepared(db, 'SELECT id, facts FROM plugins ORDER BY id')
        .all()
        .map((row) => ({ id: String(row['id']), facts: String(row['facts']) })),
    owners: (db): readonly OwnerRow[] =>
      prepared(db, 'SELECT plugin, owner FROM plugin_owners')
        .all()
        .map((row) => ({ plugin: String(row['plugin']), owner: String(row['owner']) })),
    events: (db, plugin: string): readonly string[] =>
      prepared(db, 'SELECT body FROM plugin_events WHERE plugin = ? ORDER BY revision DESC')
        .all(plugin)
        .map((row) => String(row['body'])),
    cursor: (db): number => Number(prepared(db, 'SELECT revision FROM plugin_cursor').get()?.['revision'] ?? 0),
  },
};
