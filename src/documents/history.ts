import type { Json } from '../events/types.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import { type Backups, openBackups } from './backups.ts';
import type { LoadedDocument, Replaced, RevisionRow } from './document-procedures.ts';
import { decodeTexts, encodeTexts } from './texts.ts';
import type { DocumentName, Revision, Texts } from './types.ts';

/** The revisions of one document: rows in the database, texts in files beside each other. */
export interface History {
  load(): Promise<LoadedDocument>;
  /** Texts first: a row never stands without them. Answers when both are durable. Throws the file system's or the store's error; then nothing is left. */
  add(row: RevisionRow, options: { readonly texts: Texts; readonly replaced?: Replaced }): Promise<void>;
  settle(row: RevisionRow, from?: number): Promise<void>;
  drop(revision: number, from: number): Promise<void>;
  amend(revision: number, texts: Texts): Promise<Pick<RevisionRow, 'sha256' | 'bytes'>>;
  list(page: { readonly before?: number; readonly limit: number }): Promise<readonly RevisionRow[]>;
  /** Throws CONFIG_REVISION_NOT_FOUND, BACKUP_NOT_FOUND or BACKUP_DAMAGED. */
  texts(revision: number): Promise<Texts>;
  textsOf(row: RevisionRow): Texts;
  forget(revisions: readonly number[]): Promise<void>;
  saveState(state: Json): Promise<void>;
  remove(): Promise<void>;
  /** Removes texts that no row names: the agent ended between the two. */
  removeStrays(): Promise<void>;
}

export interface HistoryOptions {
  readonly name: DocumentName;
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly backupDir: string;
  /** Revisions that are kept; undefined = all until they are forgotten. */
  readonly keep: number | undefined;
}

const fileOf = (revision: number): string => `${revision}.json`;
const revisionFile = /^(\d+)\.json$/;

export function openHistory({ name, store, backupDir, keep }: HistoryOptions): History {
  const backups = openBackups(backupDir);
  const write = <T>(procedure: string, args: object): Promise<T> => store.write<T>('documents', procedure, { name, ...args });
  const read = <T>(procedure: string, args: object): Promise<T> => store.read<T>('documents', procedure, { name, ...args });
  const removeTexts = (revisions: readonly number[]): void => {
    for (const revision of revisions) backups.remove(fileOf(revision));
  };
  const textsOf: History['textsOf'] = ({ revision, sha256 }) => decodeTexts(backups.read(fileOf(revision), sha256));
  return {
    load: () => read('load', {}),
    async add(row, { texts, replaced }) {
      backups.save(fileOf(row.revision), encodeTexts(texts));
      try {
        removeTexts(await write<readonly number[]>('add', { row, ...(replaced && { replaced }), ...(keep !== undefined && { keep }) }));
      } catch (error) {
        removeTexts([row.revision]);
        throw error;
      }
    },
    settle: ({ revision, result, detail }, from) => write('settle', { revision, result, detail, ...(from !== undefined && { from }) }),
    async drop(revision, from) {
      await write('drop', { revision, from });
      removeTexts([revision]);
    },
    async amend(revision, texts) {
      const encoded = encodeTexts(texts);
      const bytes = [...texts.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      const sha256 = backups.save(fileOf(revision), encoded);
      await write('amend', { revision, sha256, bytes });
      return { sha256, bytes };
    },
    list: ({ before, limit }) => read('list', { before: before ?? Number.MAX_SAFE_INTEGER, limit }),
    async texts(revision) {
      const row = await read<RevisionRow | undefined>('find', { revision });
      if (row === undefined) throw notFound(name, revision);
      return textsOf(row);
    },
    textsOf,
    async forget(revisions) {
      if (revisions.length === 0) return;
      await write('forget', { revisions });
      removeTexts(revisions);
    },
    saveState: (state) => write('saveState', { state: JSON.stringify(state) }),
    remove: () => write('remove', {}),
    removeStrays: () => removeStrays(backups, (page) => read('list', page)),
  };
}

function notFound({ kind, id }: DocumentName, revision: number): AgentError {
  const what = id === '' ? 'the configuration' : `the configuration of ${id}`;
  return new AgentError('CONFIG_REVISION_NOT_FOUND', `there is no revision ${revision} of ${what}`, {
    metadata: { revision: String(revision), ...idKeyOf(kind, id) },
  });
}

/** Errors name what they are about by one key a kind, here as everywhere. */
function idKeyOf(kind: DocumentName['kind'], id: string): Readonly<Record<string, string>> {
  if (kind === 'agent') return {};
  return kind === 'plugins' ? { plugin_id: id } : { process_id: id };
}

async function removeStrays(
  backups: Backups,
  list: (page: { readonly before: number; readonly limit: number }) => Promise<readonly RevisionRow[]>,
): Promise<void> {
  const names = backups.list().filter((name) => revisionFile.test(name));
  if (names.length === 0) return;
  const rows = await list({ before: Number.MAX_SAFE_INTEGER, limit: names.length + 1 });
  const known = new Set(rows.map(({ revision }) => fileOf(revision)));
  for (const name of names) if (!known.has(name)) backups.remove(name);
}

/** A row as the room shows it. */
export function revisionOf({ sha256: _, detail, replacedTimeMs, replacedAgeMs, ...row }: RevisionRow): Revision {
  const replaced = { replacedTimeMs: replacedTimeMs ?? undefined, replacedAgeMs: replacedAgeMs ?? undefined };
  return { ...row, detail: JSON.parse(detail) as Json, ...replaced };
}
