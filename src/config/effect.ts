import { isDeepStrictEqual } from 'node:util';
import type { Texts } from '../documents/index.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import { asJson, changesBetween } from './changes.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import { answerOf, type ConfigRoom, currentOf, heal, type State } from './room.ts';
import type { Author, ConfigChange, KeyChange } from './types.ts';

/** A change that was judged. */
export interface JudgedChange {
  readonly next: State;
  readonly changes: readonly KeyChange[];
  readonly author: Author;
  /** Running units that it stops because they are no longer declared. */
  readonly stoppedUnits: readonly string[];
  /** The revision that is put back. */
  readonly restored?: number | undefined;
}

export function changeTo(room: ConfigRoom, next: State, by: Pick<JudgedChange, 'author' | 'restored'>): JudgedChange {
  const { removed } = unitsStopped(room, next.loaded);
  return { next, changes: changesBetween(currentOf(room), next, room.boot), stoppedUnits: removed, ...by };
}

/** Files that were changed by hand: they are applied as they stand. Throws AgentError. */
export async function adopt(room: ConfigRoom, change: JudgedChange): Promise<ConfigChange> {
  const { document } = room;
  await putIntoEffect(room, change);
  if (document.disk().kind !== 'same' || document.head === undefined)
    await document.adopt({ texts: change.next.texts, author: change.author, detail: asJson(change.changes) });
  return take(room, change);
}

/** Writes and applies. Throws AgentError; what throws has changed nothing. */
export async function commit(room: ConfigRoom, change: JudgedChange): Promise<ConfigChange> {
  const { document, logger, apply } = room;
  const { next, author, changes } = change;
  const before = room.loaded;
  const open = await document.begin({ texts: next.texts, author, detail: asJson(changes), order: orderOf(room, next.texts) });
  let isWritten = false;
  try {
    await open.apply(() => {
      isWritten = true;
      return putIntoEffect(room, change);
    });
  } catch (error) {
    if (!isWritten) logger.warn({ err: error, author: author.name }, 'the configuration could not be written');
    else await apply(before).catch((err: unknown) => logger.error({ err }, 'the old configuration could not be applied again'));
    throw error;
  }
  return take(room, change);
}

/** A RefusedError comes as CONFIG_INVALID. */
async function putIntoEffect({ loaded, apply, logger }: ConfigRoom, { next }: JudgedChange): Promise<void> {
  if (isDeepStrictEqual(loaded.settings, next.loaded.settings)) return;
  try {
    await apply(next.loaded);
  } catch (error) {
    if (error instanceof RefusedError) throw configInvalid(problemsOf(error), error);
    if (error instanceof AgentError) throw error;
    logger.error({ err: error }, 'a configuration could not be applied');
    throw new AgentError('INTERNAL', 'the configuration could not be applied; the old one is in force', { cause: error });
  }
}

/** Obeys what is in effect now, and tells what changed. */
function take(room: ConfigRoom, { next, changes, author, stoppedUnits, restored }: JudgedChange): ConfigChange {
  room.loaded = next.loaded;
  heal(room);
  if (changes.length === 0) return answerOf(room, []);
  const { revision } = currentOf(room);
  if (changes.some(({ effect }) => effect !== 'UNCHANGED')) room.events.applied({ revision, changes, stoppedUnits, author, restored });
  room.logger.info({ revision, author: author.name, keys: changes.map(({ path }) => path).slice(0, 100) }, 'configuration changed');
  return answerOf(room, changes);
}

/** Running units that a configuration would stop: those that it no longer declares, and those that it declares otherwise. */
export function unitsStopped(
  { loaded, running }: Pick<ConfigRoom, 'loaded' | 'running'>,
  next: LoadedSettings,
): { readonly removed: readonly string[]; readonly changed: readonly string[] } {
  const [old = {}, now = {}] = [loaded, next].map(({ settings }) => ({ ...settings.processes.units, ...settings.plugins.units }));
  const run = running();
  const ids = Object.keys(old).filter((id) => run.has(id));
  return {
    removed: ids.filter((id) => now[id] === undefined),
    changed: ids.filter((id) => now[id] !== undefined && !isDeepStrictEqual(old[id], now[id])),
  };
}

/** Where the agent dies between two files, the next start must still be able to read them: the order is one that loads on the way. */
function orderOf(room: ConfigRoom, next: Texts): readonly string[] {
  const before = currentOf(room).texts;
  const paths = [...next.keys()].filter((path) => before.get(path) !== next.get(path));
  const onTheWay = new Map(before);
  const loads = paths.slice(0, -1).every((path) => {
    onTheWay.set(path, next.get(path) ?? '');
    try {
      room.load(onTheWay);
      return true;
    } catch {
      return false;
    }
  });
  return loads ? paths : paths.reverse();
}
