/** The SQL of what plugins bring at their registration. Runs in the threads of the store. */
import { type ProcedureModule, prepared } from '../../store/index.ts';

export interface SchemaRow {
  readonly id: string;
  readonly schema: string | undefined;
  /** JSON. */
  readonly secretPaths: string;
}

export const procedures: ProcedureModule = {
  migrations: [`CREATE TABLE plugin_schemas (id TEXT PRIMARY KEY, schema TEXT, secret_paths TEXT NOT NULL)`],
  writes: {
    save(db, { id, schema, secretPaths }: SchemaRow): void {
      prepared(db, 'INSERT OR REPLACE INTO plugin_schemas (id, schema, secret_paths) VALUES (?, ?, ?)').run(
        id,
        schema ?? null,
        secretPaths,
      );
    },
    remove(db, { id }: { readonly id: string }): void {
      prepared(db, 'DELETE FROM plugin_schemas WHERE id = ?').run(id);
    },
  },
  reads: {
    ids: (db): readonly string[] =>
      prepared(db, 'SELECT id FROM plugin_schemas')
        .all()
        .map((row) => String(row['id'])),
    load(db, { id }: { readonly id: string }): SchemaRow | undefined {
      const row = prepared(db, 'SELECT schema, secret_paths FROM plugin_schemas WHERE id = ?').get(id);
      const schema = row?.['schema'];
      return row && { id, schema: typeof schema === 'string' ? schema : undefined, secretPaths: String(row['secret_paths']) };
    },
  },
};
