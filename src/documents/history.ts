import { hash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../events/types.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-file.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import type { LoadedDocument, Replaced, RevisionRow, Standing } from './document-procedures.ts';
import type { DocumentName, NewRevision, Revision, Texts } from './types.ts';

interface Beside {
  readonly from?: number;
  readonly texts?: Texts;
}

/** Newest first; `before` is exclusive. */
export interface RevisionPage {
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface HistoryOptions {
  readonly name: DocumentName;
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly backupDir: string;
  /** Revisions that are kept; undefined = all until they are forgotten. */
  readonly keep: number | undefined;
}

export type History = ReturnType<typeof openHistory>;

const fileOf = (revision: number): string => `${revision}.json`;
const revisionFile = /^\d+\.json$/;

/** The revisions of one document: rows in the database, texts in files (0600 in 0700), told apart from damaged ones by the row's hash. */
export function openHistory({ name, store, backupDir, keep }: HistoryOptions) {
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
  const list = ({ before = Number.MAX_SAFE_INTEGER, limit }: RevisionPage): Promise<readonly RevisionRow[]> =>
    read('list', { before, limit });
  const textsOf = ({ revision, sha256 }: RevisionRow): Texts => {
    const bytes = readBackup(pathOf(revision), fileOf(revision));
    if (hash('sha256', bytes) !== sha256) throw damaged(fileOf(revision), 'is not as it was made');
    return decodeTexts(bytes.toString('utf8'));
  };
  return {
    load: () => read<LoadedDocument>('load', {}),
    /** Texts first: a row never stands without them. Answers when both are durable. Throws the file system's or the store's error; then nothing is left. */
    async add(row: RevisionRow, { texts, replaced }: { readonly texts: Texts; readonly replaced?: Replaced | undefined }): Promise<void> {
      saveTexts(row.revision, texts);
      try {
        removeTexts(await write<readonly number[]>('add', { row, replaced, keep }));
      } catch (error) {
        removeTexts([row.revision]);
        throw error;
      }
    },
    /** What became of it; `from` is in effect again. `texts`: another notation of it, whose hash and size the row has. */
    async update({ revision, result, detail, bytes, sha256 }: Standing, { from, texts }: Beside = {}): Promise<void> {
      if (texts !== undefined) saveTexts(revision, texts);
      await write('update', { row: { revision, result, detail, bytes, sha256 }, from });
    },
    /** Takes back a revision that nobody saw; `from` is in effect again. */
    async drop(revision: number, from: number): Promise<void> {
      await write('drop', { revision, from });
      removeTexts([revision]);
    },
    list,
    /** Throws CONFIG_REVISION_NOT_FOUND, BACKUP_NOT_FOUND or BACKUP_DAMAGED. */
    async texts(revision: number): Promise<Texts> {
      const row = await read<RevisionRow | undefined>('find', { revision });
      if (row === undefined) throw notFound(name, revision);
      return textsOf(row);
    },
    textsOf,
    async forget(revisions: readonly number[]): Promise<void> {
      if (revisions.length === 0) return;
      await write('forget', { revisions });
      removeTexts(revisions);
    },
    saveState: (state: Json) => write('saveState', { state: JSON.stringify(state) }),
    remove: () => write('remove', {}),
    /** Removes texts that no row names: the agent ended between the two. */
    async removeStrays(): Promise<void> {
      const names = namesIn(backupDir).filter((file) => revisionFile.test(file));
      if (names.length === 0) return;
      const known = new Set((await list({ limit: Number.MAX_SAFE_INTEGER })).map(({ revision }) => fileOf(revision)));
      for (const file of names) if (!known.has(file)) rmSync(join(backupDir, file), { force: true });
    },
  };
}

/** How the texts of a revision are kept in one file. */
function encodeTexts(texts: Texts): string {
  return JSON.stringify({ files: [...texts].map(([path, text]) => ({ path, text })) });
}

/** Throws where it is none of ours. */
function decodeTexts(encoded: string): Texts {
  const { files } = JSON.parse(encoded) as { readonly files: readonly { readonly path: string; readonly text: string }[] };
  return new Map(files.map(({ path, text }) => [path, text]));
}

/** What a row knows of its texts. */
export function factsOf(texts: Texts): { readonly bytes: number; readonly sha256: string } {
  const bytes = [...texts.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return { bytes, sha256: hash('sha256', encodeTexts(texts)) };
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

function notFound(name: DocumentName, revision: number): AgentError {
  const metadata = { revision: String(revision), ...idOf(name) };
  return new AgentError('CONFIG_REVISION_NOT_FOUND', `there is no revision ${revision} of ${titleOf(name)}`, { metadata });
}

/** Errors name what they are about by one key a kind, here as everywhere. */
export function idOf({ kind, id }: DocumentName): Readonly<Record<string, string>> {
  if (kind === 'agent') return {};
  return kind === 'plugins' ? { plugin_id: id } : { process_id: id };
}

export function titleOf({ kind, id }: DocumentName): string {
  return kind === 'agent' ? 'the configuration' : `the configuration of ${kind === 'plugins' ? 'plugin' : 'process'} ${id}`;
}

/** What the changes of a document wait for each other by, in a lock that several documents share. */
export function lockKey({ kind, id }: DocumentName): string {
  return `${kind}/${id}`;
}

/** A row as the room shows it. */
export function revisionOf({ sha256: _, detail, replacedTimeMs, replacedAgeMs, ...row }: RevisionRow): Revision {
  const replaced = { replacedTimeMs: replacedTimeMs ?? undefined, replacedAgeMs: replacedAgeMs ?? undefined };
  return { ...row, detail: JSON.parse(detail) as Json, ...replaced };
}

/** The row of a revision that is about to be: what it is unless it is taken back. */
export function rowOf(
  { texts, author, detail = null }: NewRevision,
  { revision, timeMs }: Pick<RevisionRow, 'revision' | 'timeMs'>,
): RevisionRow {
  const { name, ...by } = author;
  const facts = { ...factsOf(texts), detail: JSON.stringify(detail), replacedTimeMs: null, replacedAgeMs: null };
  return { revision, etag: randomBytes(8).toString('hex'), author: name, ...by, timeMs, result: 'APPLIED', ...facts };
}
