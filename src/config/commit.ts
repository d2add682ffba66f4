import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Judged, Load } from './judge.ts';
import { backupDir, removePending, savePending } from './pending.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import type { Revisions } from './revisions.ts';
import { etagOf, type Texts } from './texts.ts';
import type { Author, ConfigRevision, KeyChange } from './types.ts';
import { notWritten, writeTexts } from './write-files.ts';

/** The configuration in force. */
export interface Current extends Judged {
  readonly revision: number;
  readonly etag: string;
  readonly timeMs: number;
}

export interface CommitDeps {
  readonly stateDir: string;
  readonly revisions: Revisions;
  readonly load: Load;
  readonly apply: (next: LoadedSettings) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A change that was judged. */
export interface Change {
  readonly before: Current;
  readonly next: Judged;
  readonly changes: readonly KeyChange[];
  readonly author: Author;
}

/** Above all that were ever kept, also where the start could not read them. */
async function revisionOf({ before, next, changes, author }: Change, { revisions, clock }: CommitDeps): Promise<ConfigRevision> {
  const { name, reason } = author;
  const newest = await revisions.newest();
  const revision = Math.max(before.revision, newest?.revision ?? 0) + 1;
  return { revision, etag: etagOf(next.texts), author: name, reason, timeMs: clock.wallMs(), changes };
}

function inForce({ next }: Change, { revision, etag, timeMs }: ConfigRevision): Current {
  return { ...next, revision, etag, timeMs };
}

/** Puts into effect what is live. Throws AgentError: a RefusedError comes as CONFIG_INVALID. */
async function applied({ before, next }: Change, { apply, logger }: CommitDeps): Promise<void> {
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

/** Files that were changed by hand: they are applied as they stand. A revision that cannot be kept does not undo what is in force. */
export async function adopt(change: Change, deps: CommitDeps): Promise<Current> {
  await applied(change, deps);
  const { before, next } = change;
  const etag = etagOf(next.texts);
  if (etag === before.etag) return { ...before, ...next };
  try {
    const revision = await revisionOf(change, deps);
    await deps.revisions.add(revision, next.texts);
    return inForce(change, revision);
  } catch (error) {
    deps.logger.error({ err: error }, 'a revision of the configuration could not be kept');
    return { ...next, revision: before.revision + 1, etag, timeMs: deps.clock.wallMs() };
  }
}

/**
 * Writes and applies; what throws has changed nothing. The new texts are on record before the first file is touched, so that a death
 * in between is made good at the next start.
 */
export async function commit(change: Change, deps: CommitDeps): Promise<Current> {
  const { before, author } = change;
  const { stateDir, revisions, logger } = deps;
  const revision = await record(change, deps);
  const undo = async (): Promise<void> => {
    await revisions.drop(revision.revision).catch((error: unknown) => logger.error({ err: error }, 'a revision could not be taken back'));
    removePending(stateDir);
  };
  try {
    writeTexts(inOrder(change, deps), before.texts);
  } catch (error) {
    await undo();
    logger.warn({ err: error, author: author.name }, 'the configuration could not be written');
    throw error;
  }
  try {
    await applied(change, deps);
  } catch (error) {
    restore(change, deps);
    await deps.apply(before.loaded).catch((err: unknown) => logger.error({ err }, 'the old configuration could not be applied again'));
    await undo();
    throw error;
  }
  removePending(stateDir);
  return inForce(change, revision);
}

async function record(change: Change, deps: CommitDeps): Promise<ConfigRevision> {
  const { before, next, author } = change;
  const { stateDir, revisions } = deps;
  const { name, reason, traceId } = author;
  const hashes = Object.fromEntries([...before.texts].map(([path, text]) => [path, hash('sha256', text)]));
  try {
    const revision = await revisionOf(change, deps);
    savePending(stateDir, { texts: changed(before.texts, next.texts), before: hashes, etag: revision.etag, author: name, reason, traceId });
    await revisions.add(revision, next.texts);
    return revision;
  } catch (cause) {
    removePending(stateDir);
    throw notWritten(backupDir(stateDir), cause);
  }
}

function changed(before: Texts, next: Texts): Texts {
  return new Map([...next].filter(([path, text]) => before.get(path) !== text));
}

/** Where the agent dies between two files, the next start must still be able to read them: the order is one that loads on the way. */
function inOrder({ before, next }: Change, { load }: CommitDeps): Texts {
  const files = [...changed(before.texts, next.texts)];
  const loads = (order: typeof files): boolean => {
    const onTheWay = new Map(before.texts);
    return order.slice(0, -1).every(([path, text]) => {
      onTheWay.set(path, text);
      try {
        load(onTheWay);
        return true;
      } catch {
        return false;
      }
    });
  };
  return new Map(files.length < 2 || loads(files) ? files : files.reverse());
}

function restore({ before, next }: Change, { logger }: CommitDeps): void {
  try {
    writeTexts(before.texts, next.texts);
  } catch (error) {
    logger.error({ err: error }, 'the old configuration could not be put back into its file');
  }
}
