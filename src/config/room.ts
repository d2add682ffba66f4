import type { DiskState, ManagedDocument, Texts } from '../documents/index.ts';
import { AgentError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import type { ConfigEvents } from './events.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import type { Author, ConfigChange, KeyChange } from './types.ts';

/** A configuration with the texts that say it. */
export interface State {
  readonly loaded: LoadedSettings;
  readonly texts: Texts;
}

/** Reads and judges the configuration as the start does; `texts` stand in for files. Throws RefusedError with its problems. */
export type Load = (texts?: Texts) => LoadedSettings;

/** What the parts of this folder share. */
export interface ConfigRoom {
  readonly document: ManagedDocument;
  /** What the agent was started with. */
  readonly boot: LoadedSettings;
  readonly load: Load;
  /** Puts into effect what is live; throws before anything was changed, or not at all. */
  readonly apply: (next: LoadedSettings) => Promise<void>;
  /** Ids of units that run. */
  readonly running: () => ReadonlySet<string>;
  readonly events: ConfigEvents;
  /** Says why the files are not in effect; empty when they are. */
  readonly note: (problem: string) => void;
  readonly logger: Logger;
  readonly backupDir: string;
  /** The configuration that is obeyed. */
  loaded: LoadedSettings;
  /** The last state of the files that was refused, or what was refused beside files in effect; empty where none was. */
  refusedPrint: string;
}

/** The configuration that is obeyed, as a revision. */
export interface Current extends State {
  readonly revision: number;
  readonly etag: string;
  readonly timeMs: number;
}

export function currentOf({ document, loaded }: Pick<ConfigRoom, 'document' | 'loaded'>): Current {
  const { revision = 0, etag = '0', timeMs = 0, texts = new Map<string, string>() } = document.head ?? {};
  return { loaded, texts, revision, etag, timeMs };
}

/** Whether files of this state were judged already and refused. */
export function isRefused({ refusedPrint }: ConfigRoom, disk: DiskState): boolean {
  return disk.kind !== 'same' && disk.print === refusedPrint;
}

export function answerOf(room: ConfigRoom, changes: readonly KeyChange[]): ConfigChange {
  const { revision, etag } = currentOf(room);
  return { revision, etag, changes, restartRequired: changes.some(({ effect }) => effect === 'RESTART_REQUIRED') };
}

/** The files are those of the configuration again. */
export function heal(room: ConfigRoom): void {
  room.refusedPrint = '';
  room.note('');
}

/**
 * Files that were changed by hand and are not fit: told once a state. `disk` is how they were before they were judged: what was written meanwhile is to
 * be judged by itself. Answers what to throw.
 */
export function refuseFiles(
  room: ConfigRoom,
  error: unknown,
  { disk, author }: { readonly disk: DiskState; readonly author: Author },
): AgentError {
  const refusal = error instanceof AgentError ? error : configInvalid(problemsOf(error), error);
  const print = disk.kind === 'same' ? unfitBeside(refusal) : disk.print;
  if (print === room.refusedPrint) return refusal;
  room.refusedPrint = print;
  room.note(`The configuration was changed by hand and refused, the old one is in force: ${refusal.message}`);
  room.logger.warn({ problem: refusal.message }, 'configuration refused; the old one stays in force');
  room.events.rejected(refusal, author);
  return refusal;
}

/** Files in effect are refused for a file that they name, of which their print says nothing: another refusal is another state. */
function unfitBeside({ message }: AgentError): string {
  return `same files: ${message}`;
}
