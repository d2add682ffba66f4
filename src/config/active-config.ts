import { isDeepStrictEqual } from 'node:util';
import type { DiskState, ManagedDocument } from '../documents/index.ts';
import { AgentError } from '../kernel/errors.ts';
import type { createNote } from '../kernel/note.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import type { ConfigEvents } from './events.ts';
import type { Judged } from './judge.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import type { Author, ConfigChange, KeyChange } from './types.ts';

/** The configuration that is obeyed. */
export interface Current extends Judged {
  readonly revision: number;
  readonly etag: string;
  readonly timeMs: number;
}

/** A change that was judged. */
export interface JudgedChange {
  readonly next: Judged;
  readonly changes: readonly KeyChange[];
  readonly author: Author;
  /** Running units that it stops because they are no longer declared. */
  readonly stoppedUnits: readonly string[];
}

/** The configuration that is obeyed, and the last state of its files that was refused. */
export interface ActiveConfig {
  readonly current: Current;
  /** How the files stand to it. `refused` ones were judged already. */
  files(): DiskState['kind'] | 'refused';
  /** Takes what is in effect now, and tells what changed. `restored` is the revision that it came from. */
  take(change: JudgedChange, restored?: number): ConfigChange;
  /** Files that were changed by hand and are not fit: told once a state. Answers what to throw. */
  refuse(error: unknown, author: Author): AgentError;
  answer(changes: readonly KeyChange[]): ConfigChange;
  /** The files are those of the configuration again. */
  heal(): void;
}

export interface ActiveConfigOptions {
  readonly document: ManagedDocument;
  readonly loaded: LoadedSettings;
  readonly note: ReturnType<typeof createNote>['note'];
  readonly events: ConfigEvents;
  readonly logger: Logger;
}

export function createActiveConfig({ document, loaded: first, note, events, logger }: ActiveConfigOptions): ActiveConfig {
  let loaded = first;
  let refusedPrint = '';
  const heal = (): void => {
    refusedPrint = '';
    note('');
  };
  const current = (): Current => {
    const { revision = 0, etag = '0', timeMs = 0, texts = new Map<string, string>() } = document.head ?? {};
    return { loaded, texts, revision, etag, timeMs };
  };
  const answer: ActiveConfig['answer'] = (changes) => {
    const { revision, etag } = current();
    return { revision, etag, changes, restartRequired: changes.some(({ effect }) => effect === 'RESTART_REQUIRED') };
  };
  return {
    get current() {
      return current();
    },
    files() {
      const disk = document.disk();
      return disk.kind !== 'same' && disk.print === refusedPrint ? 'refused' : disk.kind;
    },
    take({ next, changes, author, stoppedUnits }, restored) {
      loaded = next.loaded;
      heal();
      if (changes.length === 0) return answer([]);
      const { revision } = current();
      if (changes.some(({ effect }) => effect !== 'UNCHANGED')) events.applied({ revision, changes, stoppedUnits }, author, restored);
      logger.info({ revision, author: author.name, keys: changes.map(({ path }) => path).slice(0, 100) }, 'configuration changed');
      return answer(changes);
    },
    refuse(error, author) {
      const refusal = error instanceof AgentError ? error : configInvalid(problemsOf(error), error);
      const disk = document.disk();
      const print = disk.kind === 'same' ? '' : disk.print;
      if (print === refusedPrint && print !== '') return refusal;
      refusedPrint = print;
      note(`The configuration was changed by hand and refused, the old one is in force: ${refusal.message}`);
      logger.warn({ problem: refusal.message }, 'configuration refused; the old one stays in force');
      events.rejected(refusal, author);
      return refusal;
    },
    answer,
    heal,
  };
}

/** Running units that a configuration would stop: those that it no longer declares, and those that it declares otherwise. */
export function unitsStopped(
  before: LoadedSettings,
  next: LoadedSettings,
  running: ReadonlySet<string>,
): { readonly removed: readonly string[]; readonly changed: readonly string[] } {
  const [old, now] = [before, next].map(({ settings }) => ({ ...settings.processes.units, ...settings.plugins.units }));
  const ids = Object.keys(old ?? {}).filter((id) => running.has(id));
  return {
    removed: ids.filter((id) => now?.[id] === undefined),
    changed: ids.filter((id) => now?.[id] !== undefined && !isDeepStrictEqual(old?.[id], now[id])),
  };
}
