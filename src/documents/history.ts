import { hash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../events/types.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-file.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import type { LoadedDocument, Replaced, RevisionRow } from './document-procedures.ts';
import { decodeTexts, encodeTexts } from './texts.ts';
import type { DocumentName, Revision, Texts } from './types.ts';

/** The revisions of one document: rows in the database, texts in files (0600 in 0700), told apart from damaged ones by the row's hash. */
export interface History {
  load(): Promise<LoadedDocument>;
  /** Texts first: a row never stands without them. Answers when both are durable. Throws the file system's or the store's error; then nothing is left. */
  add(row: RevisionRow, options: { readonly texts: Texts; readonly replaced?: Replaced }): Promise<void>;
  /** What became of it; `from` is in effect again. `texts`: another notation of it, whose hash and size the row has. */
  update(row: Standing, options?: { readonly from?: number; readonly texts?: Texts }): Promise<void>;
  /** Takes back a revision that nobody saw; `from` is in effect again. */
  drop(revision: number, from: number): Promise<void>;
  list(page: { readonly before?: number | undefined; readonly limit: number }): Promise<readonly RevisionRow[]>;
  /** Throws CONFIG_REVISION_NOT_FOUND, BACKUP_NOT_FOUND or BACKUP_DAMAGED. */
  texts(revision: number): Promise<Texts>;
  textsOf(row: RevisionRow): Texts;
  forget(revisions: readonly number[]): Promise<void>;
  saveState(state: Json): Promise<void>;
  remove(): Promise<void>;
  /** Removes texts that no row names: the agent ended between the two. */
  removeStrays(): Promise<void>;
}

/** What of a row may change. */
export type Standing = Pick<RevisionRow, 'revision' | 'result' | 'detail' | 'bytes' | 'sha256'>;

export interface HistoryOptions {
  readonly name: DocumentName;
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly backupDir: string;
  /** Revisions that are kept; undefined = all until they are forgotten. */
  readonly keep: number | undefined;
}

const fileOf = (revision: number): string => `${revision}.json`;
const revisionFile = /^\d+\.json$/;

export function openHistory({ name, store, backupDir, keep }: HistoryOptions): History {
  const write = <T = void>(procedure: string, args: object): Promise<T> => store.write<T>('documents', procedure, { name, ...args });
  const read = <T>(procedure: string, args: object): Promise<T> => store.read<T>('documents', procedure, { name, ...args });
  const pathOf = (revision: number): string => join(backupDir, fileOf(revision));
  const saveTexts = (revision: number, texts: Texts): void => {
    makeDirectory(backupDir);
    writeFileAtomic(pathOf(revision), encodeTexts(texts));
  };
  const removeTexts = (revisions: readonly number[]): void => {
    for (const revision of revisions) rmSync(pathOf(revision), { force: true });
  };
  const list: History['list'] = ({ before = Number.MAX_SAFE_INTEGER, limit }) => read('list', { before, limit });
  const textsOf: History['textsOf'] = ({ revision, sha256 }) => {
    const bytes = readBackup(pathOf(revision), fileOf(revision));
    if (hash('sha256', bytes) !== sha256) throw damaged(fileOf(revision), 'is not as it was made');
    return decodeTexts(bytes.toString('utf8'));
  };
  return {
    load: () => read('load', {}),
    async add(row, { texts, replaced }) {
      saveTexts(row.revision, texts);
      try {
        removeTexts(await write<readonly number[]>('add', { row, ...(replaced && { replaced }), ...(keep !== undefined && { keep }) }));
      } catch (error) {
        removeTexts([row.revision]);
        throw error;
      }
    },
    async update({ revision, result, detail, bytes, sha256 }, { from, texts } = {}) {
      if (texts !== undefined) saveTexts(revision, texts);
      await write('update', { row: { revision, result, detail, bytes, sha256 }, ...(from !== undefined && { from }) });
    },
    async drop(revision, from) {
      await write('drop', { revision, from });
      removeTexts([revision]);
    },
    list,
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
    async removeStrays() {
      const names = namesIn(backupDir).filter((file) => revisionFile.test(file));
      if (names.length === 0) return;
      const known = new Set((await list({ limit: Number.MAX_SAFE_INTEGER })).map(({ revision }) => fileOf(revision)));
      for (const file of names) if (!known.has(file)) rmSync(join(backupDir, file), { force: true });
    },
  };
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function readBackup(path: string, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw damaged(name, `cannot be read (${code ?? 'unknown error'})`, cause);
    throw new AgentError('BACKUP_NOT_FOUND', `there is no backup ${name}`, { metadata: { backup: name }, cause });
  }
}

function damaged(name: string, why: string, cause?: unknown): AgentError {
  return new AgentError('BACKUP_DAMAGED', `backup ${name} ${why}`, { metadata: { backup: name }, cause });
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

/** A row as the room shows it. */
export function revisionOf({ sha256: _, detail, replacedTimeMs, replacedAgeMs, ...row }: RevisionRow): Revision {
  const replaced = { replacedTimeMs: replacedTimeMs ?? undefined, replacedAgeMs: replacedAgeMs ?? undefined };
  return { ...row, detail: JSON.parse(detail) as Json, ...replaced };
}
