import type { Backups } from '../../config/index.ts';
import type { Journal, NewEvent, Severity } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError, type Violation } from '../../kernel/errors.ts';
import type { KeyedLock } from '../../kernel/keyed-lock.ts';
import type { OpenStore } from '../../store/index.ts';
import type { Logger } from '../../telemetry/types.ts';
import type { Judge } from './judge.ts';
import { limits } from './limits.ts';
import type { Entry } from './state.ts';

/** `plugins.configuration` of the settings. */
export interface DocumentSettings {
  readonly autoReload: boolean;
  readonly validation: boolean;
  readonly backupEnabled: boolean;
  readonly backupRetentionMs: number;
}

/** What the parts of this folder share. */
export interface DocumentRoom {
  readonly dir: string;
  readonly store: OpenStore;
  readonly journal: Pick<Journal, 'emit'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly judge: Judge;
  readonly lock: KeyedLock;
  readonly entries: Map<string, Entry>;
  settings: DocumentSettings;
  backupsOf(id: string): Backups;
  /** The directory of the backups of one plugin. */
  backupDir(id: string): string;
  changed(id: string): void;
  /** Counts what a limit refused. */
  refused(limit: string): void;
}

export type ConfigEvent = 'config.applied' | 'config.rejected' | 'config.rolled_back';

/** One event about the document of a plugin, under the trace of the change. */
export function tell(
  room: DocumentRoom,
  type: ConfigEvent,
  about: { readonly entry: Entry; readonly traceId: string; readonly data: NonNullable<NewEvent['data']> },
): void {
  const severity: Severity = type === 'config.rejected' ? 'WARNING' : 'INFO';
  const { entry, traceId, data } = about;
  room.journal.emit({ type, subject: entry.id, severity, traceId, data: { plugin: entry.id, ...data } });
}

export function configInvalid(id: string, violations: readonly Violation[]): AgentError {
  const told = violations.map((v) => `${v.field}: ${v.message}`).join('; ');
  return new AgentError('CONFIG_INVALID', `the configuration of plugin ${id} is not fit: ${told}`.slice(0, limits.messageChars), {
    metadata: { plugin: id },
    violations,
  });
}

/** Texts of documents and schemas that are held in memory. */
export function heldBytes(room: DocumentRoom, without: string): number {
  let bytes = 0;
  for (const { id, text = '', schema = '' } of room.entries.values()) if (id !== without) bytes += text.length + schema.length;
  return bytes;
}
