import { hash } from 'node:crypto';
import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import type { Backups } from './backups.ts';
import type { RevisionRow } from './config-procedures.ts';
import { isObject } from './paths.ts';
import type { Texts } from './texts.ts';
import type { ConfigRevision, KeyChange } from './types.ts';

/** What was in force when, newest first, with the texts of the files: the newest hundred. */
export interface Revisions {
  newest(): Promise<ConfigRevision | undefined>;
  list(options: { readonly before?: number; readonly limit: number }): Promise<readonly ConfigRevision[]>;
  /** Durable when it resolves. Throws the file system's error, or AgentError of the store; nothing is left then. */
  add(revision: ConfigRevision, texts: Texts): Promise<void>;
  /** Takes the newest one back. */
  drop(revision: number): Promise<void>;
  /** Throws AgentError CONFIG_REVISION_NOT_FOUND, BACKUP_NOT_FOUND or BACKUP_DAMAGED. */
  texts(revision: number): Promise<Texts>;
}

const kept = 100;
const fileOf = (revision: number): string => `${revision}.json`;

export function openRevisions(store: Store, backups: Backups): Revisions {
  const list: Revisions['list'] = async ({ before, limit }) => {
    const rows = await store.read<readonly RevisionRow[]>('config', 'list', { before: before ?? Number.MAX_SAFE_INTEGER, limit });
    return rows.map(fromRow);
  };
  return {
    list,
    newest: async () => (await list({ limit: 1 }))[0],
    async add(revision, texts) {
      const { changes, ...facts } = revision;
      const text = encodeTexts(texts);
      const row: RevisionRow = { ...facts, changes: JSON.stringify(changes), sha256: hash('sha256', text) };
      backups.save(fileOf(revision.revision), text);
      try {
        const gone = await store.write<readonly number[]>('config', 'add', { row, keep: kept });
        for (const old of gone) backups.remove(fileOf(old));
      } catch (error) {
        backups.remove(fileOf(revision.revision));
        throw error;
      }
    },
    async drop(revision) {
      await store.write('config', 'drop', { revision });
      backups.remove(fileOf(revision));
    },
    async texts(revision) {
      const row = await store.read<RevisionRow | undefined>('config', 'find', { revision });
      if (row === undefined) {
        throw new AgentError('CONFIG_REVISION_NOT_FOUND', `there is no revision ${revision} of the configuration`, {
          metadata: { revision: String(revision) },
        });
      }
      return decodeTexts(backups.read(fileOf(revision), row.sha256));
    },
  };
}

function fromRow({ revision, etag, author, reason, timeMs, changes }: RevisionRow): ConfigRevision {
  const list = JSON.parse(changes) as readonly Partial<KeyChange>[];
  return {
    revision,
    etag,
    author,
    reason,
    timeMs,
    changes: list.map(({ path = '', oldValue, newValue, effect = 'APPLIED' }) => ({ path, oldValue, newValue, effect })),
  };
}

export function encodeTexts(texts: Texts): string {
  return JSON.stringify({ files: [...texts].map(([path, text]) => ({ path, text })) });
}

export function decodeTexts(text: string): Texts {
  const value: unknown = JSON.parse(text);
  const files: unknown = isObject(value) ? value['files'] : undefined;
  if (!Array.isArray(files)) throw new TypeError('no texts of files');
  return new Map(files.map((file: { path: string; text: string }) => [file.path, file.text]));
}
