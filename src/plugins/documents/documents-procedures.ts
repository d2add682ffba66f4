/** The SQL of the plugins' documents. Runs in the threads of the store; what goes in and out is structured-clone data. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../../store/index.ts';

/** A backup as it is kept: its content lies in a file. */
export interface BackupRow {
  readonly id: string;
  readonly revision: number;
  readonly timeMs: number;
  /** The store's ageing time, by which it is pruned. */
  readonly ageMs: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface DocumentRecord {
  /** JSON of DocumentState; undefined where only a schema is known. */
  readonly state: string | undefined;
  readonly schema: string | undefined;
  readonly secretPaths: string;
  /** JSON of what was about to be written when the agent ended. */
  readonly pending: string | undefined;
  /** The document in force. */
  readonly content: string | undefined;
  /** Newest first. */
  readonly backups: readonly BackupRow[];
}

export interface CommitArgs {
  readonly id: string;
  readonly state: string;
  readonly revision: number;
  /** Absent when the document stays as it is. */
  readonly content?: string;
  /** The acknowledged revision, whose content is kept. */
  readonly appliedRevision: number;
  readonly backup?: BackupRow;
}

/** Revisions before the newest whose content is kept, so that a late acknowledgement still finds its document. */
const recentRevisions = 4;

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE plugin_documents (id TEXT PRIMARY KEY, state TEXT, schema TEXT, secret_paths TEXT NOT NULL DEFAULT '[]', pending TEXT);
     CREATE TABLE plugin_document_contents (plugin TEXT NOT NULL, revision INTEGER NOT NULL, content TEXT NOT NULL,
       PRIMARY KEY (plugin, revision));
     CREATE TABLE plugin_backups (id TEXT PRIMARY KEY, plugin TEXT NOT NULL, revision INTEGER NOT NULL, time_ms REAL NOT NULL,
       age_ms REAL NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL);
     CREATE INDEX plugin_backups_plugin ON plugin_backups (plugin, id DESC)`,
  ],
  writes: {
    intend(db, { id, pending }: { readonly id: string; readonly pending: string | null }): void {
      prepared(
        db,
        'INSERT INTO plugin_documents (id, pending) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET pending = excluded.pending',
      ).run(id, pending);
    },
    commit,
    schema(db, { id, schema, secretPaths }: { readonly id: string; readonly schema: string | null; readonly secretPaths: string }): void {
      prepared(
        db,
        `INSERT INTO plugin_documents (id, schema, secret_paths) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET schema = excluded.schema, secret_paths = excluded.secret_paths`,
      ).run(id, schema, secretPaths);
    },
    forgetBackups(db, { ids }: { readonly ids: readonly string[] }): void {
      for (const id of ids) prepared(db, 'DELETE FROM plugin_backups WHERE id = ?').run(id);
    },
    remove(db, { id }: { readonly id: string }): void {
      prepared(db, 'DELETE FROM plugin_document_contents WHERE plugin = ?').run(id);
      prepared(db, 'DELETE FROM plugin_backups WHERE plugin = ?').run(id);
      prepared(db, 'DELETE FROM plugin_documents WHERE id = ?').run(id);
    },
  },
  reads: {
    ids: (db): readonly string[] =>
      prepared(db, 'SELECT id FROM plugin_documents ORDER BY id')
        .all()
        .map((row) => String(row['id'])),
    load,
    content(db, { id, revision }: { readonly id: string; readonly revision: number }): string | undefined {
      return text(
        prepared(db, 'SELECT content FROM plugin_document_contents WHERE plugin = ? AND revision = ?').get(id, revision)?.['content'],
      );
    },
  },
};

function commit(db: DatabaseSync, { id, state, revision, content, appliedRevision, backup }: CommitArgs): void {
  prepared(
    db,
    `INSERT INTO plugin_documents (id, state) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, pending = NULL`,
  ).run(id, state);
  if (content !== undefined) {
    prepared(db, 'INSERT OR REPLACE INTO plugin_document_contents (plugin, revision, content) VALUES (?, ?, ?)').run(id, revision, content);
  }
  prepared(db, 'DELETE FROM plugin_document_contents WHERE plugin = ? AND revision < ? AND revision <> ?').run(
    id,
    revision - recentRevisions,
    appliedRevision,
  );
  if (!backup) return;
  prepared(db, 'INSERT INTO plugin_backups (id, plugin, revision, time_ms, age_ms, bytes, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
    backup.id,
    id,
    backup.revision,
    backup.timeMs,
    backup.ageMs,
    backup.bytes,
    backup.sha256,
  );
}

function load(db: DatabaseSync, { id }: { readonly id: string }): DocumentRecord {
  const row = prepared(db, 'SELECT state, schema, secret_paths, pending FROM plugin_documents WHERE id = ?').get(id);
  const content = prepared(db, 'SELECT content FROM plugin_document_contents WHERE plugin = ? ORDER BY revision DESC LIMIT 1').get(id);
  const backups = prepared(
    db,
    'SELECT id, revision, time_ms, age_ms, bytes, sha256 FROM plugin_backups WHERE plugin = ? ORDER BY id DESC',
  ).all(id);
  return {
    state: text(row?.['state']),
    schema: text(row?.['schema']),
    secretPaths: text(row?.['secret_paths']) ?? '[]',
    pending: text(row?.['pending']),
    content: text(content?.['content']),
    backups: backups.map((b) => ({
      id: String(b['id']),
      revision: Number(b['revision']),
      timeMs: Number(b['time_ms']),
      ageMs: Number(b['age_ms']),
      bytes: Number(b['bytes']),
      sha256: String(b['sha256']),
    })),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
