import { dirname, join } from 'node:path';
import { lockKey, openDocument } from '../../documents/index.ts';
import type { Journal, NewEvent, Severity } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError, invalid, type Violation } from '../../kernel/errors.ts';
import type { KeyedLock } from '../../kernel/keyed-lock.ts';
import type { OpenStore } from '../../store/index.ts';
import type { Logger, Metrics } from '../../telemetry/types.ts';
import { pluginId } from '../plugin-id.ts';
import type { Judge } from '../schemas/judge.ts';
import { limits } from './limits.ts';
import type { SchemaRow } from './schema-procedures.ts';
import type { Entry } from './state.ts';

/** `plugins.configuration` of the settings. */
export interface DocumentSettings {
  readonly autoReload: boolean;
  readonly validation: boolean;
  readonly backupEnabled: boolean;
  readonly backupRetentionMs: number;
}

export interface DocumentsOptions {
  /** `<state_dir>/plugins`: a folder a plugin, made when it is needed. */
  readonly dir: string;
  /** `<state_dir>/backups/plugins`. */
  readonly backupDir: string;
  readonly store: OpenStore;
  readonly journal: Pick<Journal, 'emit'>;
  /** `plugins.configuration`. */
  readonly settings: DocumentSettings;
  /** `agent.reload_delay` in effect: how long a file must have been still before a change by hand counts. */
  readonly reloadDelayMs: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter'>;
  /** For tests. Default: a thread with a limit of a second. */
  readonly judge?: Judge;
}

/** What the parts of this folder share. */
export interface DocumentRoom extends Omit<DocumentsOptions, 'metrics' | 'settings'> {
  readonly judge: Judge;
  readonly lock: KeyedLock;
  readonly entries: Map<string, Entry>;
  settings: DocumentSettings;
  changed(id: string): void;
  /** Counts what a limit refused. */
  refused(limit: string): void;
}

export type ConfigEvent = 'config.applied' | 'config.rejected' | 'config.rolled_back';

/** One event about the document of a plugin, under the trace of the change. */
export function emitConfigEvent(
  room: DocumentRoom,
  type: ConfigEvent,
  about: { readonly entry: Entry; readonly traceId: string; readonly data: NonNullable<NewEvent['data']> },
): void {
  const severity: Severity = type === 'config.rejected' ? 'WARNING' : 'INFO';
  const { entry, traceId, data } = about;
  room.journal.emit({ type, subject: entry.id, severity, traceId, data: { plugin: entry.id, ...data } });
}

const unfit = { CONFIG_INVALID: 'the configuration of plugin', PLUGIN_SCHEMA_INVALID: 'the schema of plugin' } as const;

/** Throws `reason` with what is wrong; where that is nothing it answers. */
export function assertFit(reason: keyof typeof unfit, id: string, violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const listed = violations.map((v) => `${v.field}: ${v.message}`).join('; ');
  const message = `${unfit[reason]} ${id} is not fit: ${listed}`.slice(0, limits.messageChars);
  throw new AgentError(reason, message, { metadata: { plugin_id: id }, violations });
}

/** Ids are names of folders. Throws INVALID_REQUEST. */
export function checkedId(id: string): string {
  if (pluginId.test(id)) return id;
  throw invalid([{ field: 'id', message: 'only a plugin whose id has letters, digits, ".", "_", "-" can have a configuration' }]);
}

export function documentFile(room: Pick<DocumentRoom, 'dir'>, id: string): string {
  return join(room.dir, id, 'config.json');
}

/** Changes of one plugin go one after the other. */
export function locked<T>(room: DocumentRoom, id: string, work: () => Promise<T>): Promise<T> {
  return room.lock.run(lockKey({ kind: 'plugins', id }), work);
}

/** The entry of a plugin, made where there is none. For the holder of its lock. Throws PLUGIN_LIMIT_REACHED. */
export async function entryFor(room: DocumentRoom, id: string): Promise<Entry> {
  const known = room.entries.get(checkedId(id));
  if (known) return known;
  if (room.entries.size >= limits.plugins) {
    room.refused('plugin_documents');
    throw new AgentError('PLUGIN_LIMIT_REACHED', `${limits.plugins} plugins have a configuration already`, { metadata: { plugin_id: id } });
  }
  return openEntry(room, id);
}

export async function openEntry(room: DocumentRoom, id: string): Promise<Entry> {
  const { store, clock, logger, lock } = room;
  const file = documentFile(room, id);
  const row = await store.read<SchemaRow | undefined>('plugin_schemas', 'load', { id });
  const document = await openDocument({
    ...{ name: { kind: 'plugins', id }, files: () => [file], directory: dirname(file), backupDir: join(room.backupDir, id) },
    ...{ store, clock, logger, lock, mode: 0o600 },
    removeMore: () => store.write('plugin_schemas', 'remove', { id }),
  });
  const secretPaths = JSON.parse(row?.secretPaths ?? '[]') as readonly string[];
  const entry: Entry = { id, document, schema: row?.schema, secretPaths, refusal: undefined, places: undefined };
  room.entries.set(id, entry);
  return entry;
}
