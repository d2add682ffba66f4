import { isDeepStrictEqual } from 'node:util';
import type { ManagedDocument, Texts } from '../documents/index.ts';
import type { Json } from '../events/types.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Current, JudgedChange } from './active-config.ts';
import type { Load } from './judge.ts';
import { configInvalid, problemsOf } from './refusals.ts';

export interface CommitDeps {
  readonly document: ManagedDocument;
  readonly load: Load;
  readonly apply: (next: LoadedSettings) => Promise<void>;
  readonly logger: Logger;
}

/** Puts into effect what is live. Throws AgentError: a RefusedError comes as CONFIG_INVALID. */
async function applied(before: Current, { next }: JudgedChange, { apply, logger }: CommitDeps): Promise<void> {
  if (isDeepStrictEqual(before.loaded.settings, next.loaded.settings)) return;
  try {
    await apply(next.loaded);
  } catch (error) {
    if (error instanceof RefusedError) throw configInvalid(problemsOf(error), error);
    if (error instanceof AgentError) throw error;
    logger.error({ err: error }, 'a configuration could not be applied');
    throw new AgentError('INTERNAL', 'the configuration could not be applied; the old one is in force', { cause: error });
  }
}

/** Files that were changed by hand: they are applied as they stand. */
export async function adopt(before: Current, change: JudgedChange, deps: CommitDeps): Promise<void> {
  await applied(before, change, deps);
  const { next, author, changes } = change;
  const { document } = deps;
  if (document.disk().kind !== 'same' || document.head === undefined)
    await document.adopt({ texts: next.texts, author, detail: asJson(changes) });
}

/** Writes and applies; what throws has changed nothing. */
export async function commit(before: Current, change: JudgedChange, deps: CommitDeps): Promise<void> {
  const { next, author, changes } = change;
  const { document, logger, apply } = deps;
  const order = orderOf(before.texts, next.texts, deps);
  const open = await document.begin({ texts: next.texts, author, detail: asJson(changes), order });
  let isWritten = false;
  try {
    await open.apply(() => {
      isWritten = true;
      return applied(before, change, deps);
    });
  } catch (error) {
    if (!isWritten) logger.warn({ err: error, author: author.name }, 'the configuration could not be written');
    else await apply(before.loaded).catch((err: unknown) => logger.error({ err }, 'the old configuration could not be applied again'));
    throw error;
  }
}

/** What is undefined there is absent here. */
function asJson(changes: JudgedChange['changes']): Json {
  return JSON.parse(JSON.stringify(changes)) as Json;
}

/** Where the agent dies between two files, the next start must still be able to read them: the order is one that loads on the way. */
function orderOf(before: Texts, next: Texts, { load }: CommitDeps): readonly string[] {
  const paths = [...next.keys()].filter((path) => before.get(path) !== next.get(path));
  const onTheWay = new Map(before);
  const loads = paths.slice(0, -1).every((path) => {
    onTheWay.set(path, next.get(path) ?? '');
    try {
      load(onTheWay);
      return true;
    } catch {
      return false;
    }
  });
  return loads ? paths : paths.reverse();
}
