import { stripVTControlCharacters } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { within } from '../kernel/within.ts';
import type { Collection } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import { engines } from './engines/index.ts';
import type { Reload } from './engines/types.ts';
import type { Run } from './run.ts';
import { signalProcess } from './spawner.ts';
import { proveStartup, startTimeoutMs } from './startup-proof.ts';

/**
 * At quiet log levels an engine says nothing of a reload that went well. What it has against the file it says at once; after so much
 * silence its listeners are looked at, which until then may still be those of the old config.
 */
const silenceMs = 1500;

/** What an engine that ended by a reload wrote is waited for no longer than this. */
const lastWordsMs = 2000;

export interface ReloadTarget {
  readonly unit: UnitSettings;
  /** undefined = it is not READY. */
  readonly run: Pick<Run, 'pid' | 'tree' | 'collection'> | undefined;
  readonly clock: Clock;
  /** Fires when the run has ended. */
  readonly signal: AbortSignal;
}

/**
 * Tells an engine to read its config again, and resolves when that is in effect. Throws CONFIG_REFUSED with its own sentence where it goes on
 * with the old one, START_FAILED where it ended by it, RELOAD_UNSUPPORTED, PROCESS_NOT_READY.
 */
export async function reloadRun({ unit, run, clock, signal }: ReloadTarget): Promise<void> {
  const { id, configPath } = unit;
  const metadata = { process_id: id };
  const engine = unit.engine === undefined ? undefined : engines[unit.engine];
  const reload = engine?.reload;
  if (engine === undefined || reload === undefined) {
    throw new AgentError('RELOAD_UNSUPPORTED', `${id} cannot reload its config in place`, { metadata });
  }
  const notReady = new AgentError('PROCESS_NOT_READY', `${id} is not READY: only a READY process can reload`, { metadata });
  const program = run?.tree.program;
  if (run === undefined || program === undefined) throw notReady;
  const { pid, collection } = run;
  const send = (): void => {
    if (!signalProcess(program, reload.signal)) throw notReady;
  };
  const listens = (): Promise<boolean> => proveStartup({ engine, configPath, pid, clock, signal, timeoutMs: startTimeoutMs });
  const why = await objection({ reload, collection, clock, send, listens, signal }).catch(async (error: unknown) => {
    if (!signal.aborted) throw error;
    await within(clock, lastWordsMs, collection.drain()); // why it ended stands in what it wrote last
    throw new AgentError('START_FAILED', `${id} ended while it reloaded: ${collection.lastLines(3).join(' | ')}`, { metadata });
  });
  if (why === undefined) return;
  throw new AgentError('CONFIG_REFUSED', `${id}'s engine refuses the config and goes on with the old one: ${why}`, { metadata });
}

interface Asking extends Pick<ReloadTarget, 'clock' | 'signal'> {
  readonly collection: Pick<Collection, 'onLine'>;
  readonly reload: Reload;
  readonly send: () => void;
  /** Whether it stands with its listeners open, in time. */
  readonly listens: () => Promise<boolean>;
}

/** What the engine has against the new config; undefined when it runs with it. Rejects when the run ends. */
async function objection({ reload, collection, clock, send, listens, signal }: Asking): Promise<string | undefined> {
  const said = Promise.withResolvers<string | undefined>();
  let isSent = false;
  const stopListening = collection.onLine((raw) => {
    if (!isSent) return; // of its start, or of a reload before
    const line = stripVTControlCharacters(raw);
    const failed = reload.failed.exec(line);
    if (failed !== null) said.resolve(failed.groups?.['why'] ?? line);
    else if (reload.done.test(line)) said.resolve(undefined);
  });
  const enough = new AbortController();
  try {
    isSent = true;
    send();
    const silence = clock
      .sleep(silenceMs, AbortSignal.any([signal, enough.signal]))
      .then(listens)
      .then((stands) => (stands ? undefined : 'its listeners did not open in time'));
    return await Promise.race([said.promise, silence]);
  } finally {
    enough.abort();
    stopListening();
  }
}
