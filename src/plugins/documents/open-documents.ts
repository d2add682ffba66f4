import { createKeyedLock } from '../../kernel/keyed-lock.ts';
import { createJudge } from '../schemas/judge.ts';
import type { DocumentKeeper } from '../types.ts';
import { acknowledgeRevision, checkRevision } from './acknowledge.ts';
import { listBackups, pruneBackups } from './backups.ts';
import { restoreBackup, rollBack, updateDocument } from './change-document.ts';
import { followDocuments } from './follow-documents.ts';
import { recoverDocuments } from './recover-documents.ts';
import { checkedId, type DocumentRoom, type DocumentsOptions, documentFile, entryFor, locked } from './room.ts';
import { changeSchema } from './schema.ts';
import { type Entry, pictureOf, revisionOf, saveState, stateOf } from './state.ts';

export type { DocumentsOptions };

const pruneEveryMs = 60_000;

/**
 * The configuration documents of plugins. The file of a plugin is what it reads and what a person may edit; the database knows
 * its revisions, and has the content of the one in effect, so that a bad edit or a loss is mended. Resolves when every document is
 * read and what a kill left half done is ended.
 */
export async function openDocuments(options: DocumentsOptions): Promise<DocumentKeeper> {
  const { room, listeners } = createRoom(options);
  await recoverDocuments(room);
  const stopFollowing = followDocuments(room);
  const stopPruning = options.clock.every(pruneEveryMs, () => void pruneAll(room));
  /** For what makes a document where there is none. */
  const make = <T>(id: string, fn: (entry: Entry) => Promise<T>): Promise<T> =>
    locked(room, checkedId(id), async () => fn(await entryFor(room, id)));
  /** For what is nothing where there is no document. */
  const known = <T>(id: string, fn: (entry: Entry) => Promise<T>, none: () => T): Promise<T> =>
    locked(room, checkedId(id), async () => {
      const entry = room.entries.get(id);
      return entry ? fn(entry) : none();
    });
  let stopped: Promise<void> | undefined;
  return {
    get: (id) => pictureOf(id, room.entries.get(id)),
    unmasked: (id) => pictureOf(id, room.entries.get(id), false),
    update: (id, update) => make(id, (entry) => updateDocument(room, entry, update)),
    acknowledge: (id, ack) => {
      const acknowledge = async (entry: Entry) => {
        if (await acknowledgeRevision(room, entry, ack)) room.changed(id);
        return pictureOf(id, entry);
      };
      return known(id, acknowledge, () => {
        checkRevision(ack.revision, 0);
        return pictureOf(id, undefined);
      });
    },
    backups: async (id) => {
      const entry = room.entries.get(id);
      return entry ? listBackups(room, entry) : [];
    },
    restore: (id, backup, by) => make(id, (entry) => restoreBackup(room, entry, { backup, ...by })),
    onChange(fn) {
      // Another one each time, so that who listens twice is told twice, and stops once each.
      const listener = (id: string): void => fn(id);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    health: () => healthOf(room),
    setSchema: (id, brought) => make(id, (entry) => changeSchema(room, entry, brought)),
    push: (id) =>
      known(
        id,
        (entry) => push(room, entry),
        () => false,
      ),
    rollback: (id, by) =>
      known(
        id,
        (entry) => rollBack(room, entry, by),
        () => false,
      ),
    file: (id) => documentFile(room, checkedId(id)),
    remove: (id) =>
      known(
        id,
        (entry) => remove(room, entry),
        () => undefined,
      ),
    setSettings(settings) {
      room.settings = settings;
    },
    stop: () => (stopped ??= stop(room, [stopPruning, stopFollowing])),
  };
}

function createRoom({ metrics, ...options }: DocumentsOptions): {
  readonly room: DocumentRoom;
  readonly listeners: Set<(id: string) => void>;
} {
  const listeners = new Set<(id: string) => void>();
  const refusals = metrics.counter('sboxagent_limit_refused_total');
  const room: DocumentRoom = {
    ...options,
    judge: options.judge ?? createJudge(options.clock),
    lock: createKeyedLock(),
    entries: new Map(),
    changed(id) {
      for (const listener of [...listeners]) {
        try {
          listener(id);
        } catch (err) {
          options.logger.error({ err, plugin: id }, 'a listener to documents of plugins failed');
        }
      }
    },
    refused: (limit) => refusals.add(1, { limit }),
  };
  return { room, listeners };
}

/** As if nothing had been said to it yet. */
async function push(room: DocumentRoom, entry: Entry): Promise<boolean> {
  if (revisionOf(entry) === 0) return false;
  await saveState(entry, { ...stateOf(entry), answer: { revision: 0, state: 'PENDING', message: '' } });
  room.changed(entry.id);
  return true;
}

/** Everything of a plugin: its folder, its backups, its schema, its rows. */
async function remove(room: DocumentRoom, entry: Entry): Promise<void> {
  await entry.document.remove();
  room.entries.delete(entry.id);
  room.changed(entry.id);
}

function healthOf(room: DocumentRoom): ReturnType<DocumentKeeper['health']> {
  const refused = [...room.entries.values()].flatMap(({ id, refusal }) => (refusal ? [{ id, refusal }] : []));
  const [first] = refused;
  if (!first) return { status: 'HEALTHY', message: '', sinceMs: 0 };
  const { line, message } = first.refusal;
  const place = `${documentFile(room, first.id)}${line > 0 ? `:${line}` : ''}`;
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : '';
  return {
    status: 'DEGRADED',
    message: `${place}: ${message}${more}`,
    sinceMs: Math.min(...refused.map(({ refusal }) => refusal.sinceMs)),
  };
}

async function pruneAll(room: DocumentRoom): Promise<void> {
  const beforeAgeMs = room.store.ageing.nowMs() - room.settings.backupRetentionMs;
  try {
    for (const id of await room.store.read<readonly string[]>('documents', 'expired', { kind: 'plugins', beforeAgeMs })) {
      await locked(room, id, async () => {
        const entry = room.entries.get(id);
        if (entry) await pruneBackups(room, entry);
      });
    }
  } catch (err) {
    room.logger.warn({ err }, 'old backups of plugins could not be removed');
  }
}

async function stop(room: DocumentRoom, [stopPruning, stopFollowing]: readonly [() => void, () => Promise<void>]): Promise<void> {
  stopPruning();
  await room.judge.stop();
  await stopFollowing();
  // What is under way holds its lock: behind it nothing is.
  await Promise.all([...room.entries.keys()].map((id) => locked(room, id, () => Promise.resolve())));
}
