import { join } from 'node:path';
import { openBackups } from '../../config/index.ts';
import type { Journal } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { createKeyedLock } from '../../kernel/keyed-lock.ts';
import type { OpenStore } from '../../store/index.ts';
import type { Logger, Metrics } from '../../telemetry/types.ts';
import { pluginId } from '../plugin-id.ts';
import type { DocumentKeeper, PluginBackup } from '../types.ts';
import { acknowledgeRevision } from './acknowledge.ts';
import { restoreBackup, rollBack, updateDocument } from './change-document.ts';
import { commitState, documentFile } from './commit.ts';
import { followDocuments } from './follow-documents.ts';
import { createJudge, type Judge } from './judge.ts';
import { pruneBackups } from './keep-backups.ts';
import { limits } from './limits.ts';
import { recoverDocuments, removeDocument } from './recover-documents.ts';
import type { DocumentRoom, DocumentSettings } from './room.ts';
import { changeSchema } from './schema.ts';
import { type Entry, newEntry, pictureOf } from './state.ts';

export interface DocumentsOptions {
  /** `<state_dir>/plugins`: a folder a plugin, made when it is needed. */
  readonly dir: string;
  /** `<state_dir>/backups/plugins`. */
  readonly backupDir: string;
  readonly store: OpenStore;
  readonly journal: Pick<Journal, 'emit'>;
  /** `plugins.configuration`. */
  readonly settings: DocumentSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter'>;
  /** For tests. Default: a thread with a limit of a second. */
  readonly judge?: Judge;
}

const pruneEveryMs = 60_000;

/**
 * The configuration documents of plugins. The file of a plugin is what it reads and what a person may edit; the database knows
 * its revisions, and has the content of the one in force, so that a bad edit or a loss is mended. Resolves when every document is
 * read and what a kill left half done is ended.
 */
export async function openDocuments(options: DocumentsOptions): Promise<DocumentKeeper> {
  const { room, listeners } = createRoom(options);
  await recoverDocuments(room);
  const stopFollowing = followDocuments(room);
  const stopPruning = options.clock.every(pruneEveryMs, () => void pruneAll(room));
  const locked = <T>(id: string, fn: (entry: Entry) => Promise<T>): Promise<T> => room.lock.run(id, () => fn(entryFor(room, id)));
  /** Like `locked`, for what is refused where there is no document: nothing is remembered of such an id. */
  const present = <T>(id: string, fn: (entry: Entry) => Promise<T>): Promise<T> =>
    room.lock.run(id, () => fn(room.entries.get(id) ?? newEntry(checkedId(id))));
  /** Like `locked`, for what is nothing where there is no document. */
  const known = <T>(id: string, fn: (entry: Entry) => Promise<T>, none: T): Promise<T> =>
    room.lock.run(id, async () => {
      const entry = room.entries.get(id);
      return entry ? fn(entry) : none;
    });
  const picture = (id: string, masked: boolean) => pictureOf(room.entries.get(id) ?? newEntry(id), masked);
  let stopped: Promise<void> | undefined;
  return {
    get: (id) => picture(id, true),
    unmasked: (id) => picture(id, false),
    update: (id, update) => locked(id, (entry) => updateDocument(room, entry, update)),
    acknowledge: (id, ack) =>
      present(id, async (entry) => {
        if (await acknowledgeRevision(room, entry, ack)) room.changed(id);
        return pictureOf(entry, true);
      }),
    backups: (id) => backupsOf(room, room.entries.get(id)),
    restore: (id, backup, by) => locked(id, (entry) => restoreBackup(room, entry, { backup, ...by })),
    onChange(fn) {
      // Another one each time, so that who listens twice is told twice, and stops once each.
      const listener = (id: string): void => fn(id);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    health: () => healthOf(room),
    setSchema: (id, brought) => locked(id, (entry) => changeSchema(room, entry, brought)),
    push: (id) => known(id, (entry) => push(room, entry), false),
    rollback: (id, by) => known(id, (entry) => rollBack(room, entry, by), false),
    file: (id) => documentFile(room, checkedId(id)),
    remove: (id) => known(id, (entry) => remove(room, entry), undefined),
    setSettings(settings) {
      room.settings = settings;
    },
    stop: () => (stopped ??= stop(room, [stopPruning, stopFollowing])),
  };
}

function createRoom(options: DocumentsOptions): { readonly room: DocumentRoom; readonly listeners: Set<(id: string) => void> } {
  const { dir, store, journal, settings, clock, logger } = options;
  const listeners = new Set<(id: string) => void>();
  const refusals = options.metrics.counter('sboxagent_limit_refused_total');
  const backupDir = (id: string): string => join(options.backupDir, checkedId(id));
  const room: DocumentRoom = {
    ...{ dir, store, journal, settings, clock, logger, backupDir },
    judge: options.judge ?? createJudge(clock),
    lock: createKeyedLock(),
    entries: new Map(),
    backupsOf: (id) => openBackups(backupDir(id)),
    changed(id) {
      for (const listener of [...listeners]) {
        try {
          listener(id);
        } catch (err) {
          logger.error({ err, plugin: id }, 'a listener to documents of plugins failed');
        }
      }
    },
    refused: (limit) => refusals.add(1, { limit }),
  };
  return { room, listeners };
}

/** Ids are names of folders. */
function checkedId(id: string): string {
  if (!pluginId.test(id))
    throw invalid([{ field: 'id', message: 'only a plugin whose id has letters, digits, ".", "_", "-" can have a configuration' }]);
  return id;
}

function entryFor(room: DocumentRoom, id: string): Entry {
  const known = room.entries.get(checkedId(id));
  if (known) return known;
  if (room.entries.size >= limits.plugins) {
    room.refused('plugin_documents');
    throw new AgentError('PLUGIN_LIMIT_REACHED', `${limits.plugins} plugins have a configuration already`, { metadata: { plugin: id } });
  }
  const entry = newEntry(id);
  room.entries.set(id, entry);
  return entry;
}

function backupsOf(room: DocumentRoom, entry: Entry | undefined): readonly PluginBackup[] {
  return (entry?.backups ?? []).map(({ id, revision, timeMs, bytes }) => {
    return { id, revision, timeMs, bytes, expireTimeMs: timeMs + room.settings.backupRetentionMs };
  });
}

async function push(room: DocumentRoom, entry: Entry): Promise<boolean> {
  if (entry.state.revision === 0) return false;
  await commitState(room, entry, { ...entry.state, applyState: 'PENDING', applyMessage: '' });
  room.changed(entry.id);
  return true;
}

async function remove(room: DocumentRoom, entry: Entry): Promise<void> {
  await removeDocument(room, entry.id);
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
  for (const entry of [...room.entries.values()]) {
    if (entry.backups.length < 2) continue;
    await room.lock
      .run(entry.id, () => pruneBackups(room, entry))
      .catch((err: unknown) => room.logger.warn({ err, plugin: entry.id }, 'old backups of a plugin could not be removed'));
  }
}

async function stop(room: DocumentRoom, [stopPruning, stopFollowing]: readonly [() => void, () => Promise<void>]): Promise<void> {
  stopPruning();
  await room.judge.stop();
  await stopFollowing();
  // What is under way holds its lock: behind it nothing is.
  await Promise.all([...room.entries.keys()].map((id) => room.lock.run(id, () => Promise.resolve())));
}
