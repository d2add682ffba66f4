import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { sha256Of } from './backups.ts';
import type { Judged } from './judge.ts';
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

function revisionOf({ before, next, changes, author }: Change, clock: Clock): ConfigRevision {
  const { name, reason } = author;
  return { revision: before.revision + 1, etag: etagOf(next.texts), author: name, reason, timeMs: clock.wallMs(), changes };
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
  const revision = revisionOf(change, deps.clock);
  const { texts } = change.next;
  if (revision.etag === change.before.etag) return { ...change.before, ...change.next };
  await deps.revisions.add(revision, texts).catch((error: unknown) => {
    deps.logger.error({ err: error, revision: revision.revision }, 'a revision of the configuration could not be kept');
  });
  return inForce(change, revision);
}

/**
 * Writes and applies; what throws has changed nothing. The new texts are on record before the first file is touched, so that a death
 * in between is made good at the next start.
 */
export async function commit(change: Change, deps: CommitDeps): Promise<Current> {
  const { before, next, author } = change;
  const { stateDir, revisions, logger } = deps;
  const revision = revisionOf(change, deps.clock);
  await record(change, revision, deps);
  const undo = async (): Promise<void> => {
    await revisions.drop(revision.revision).catch((error: unknown) => logger.error({ err: error }, 'a revision could not be taken back'));
    removePending(stateDir);
  };
  try {
    writeTexts(next.texts, before.texts);
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

async function record({ before, next, author }: Change, revision: ConfigRevision, { stateDir, revisions }: CommitDeps): Promise<void> {
  const { name, reason, traceId } = author;
  const hashes = Object.fromEntries([...before.texts].map(([path, text]) => [path, sha256Of(text)]));
  try {
    savePending(stateDir, { texts: changed(before.texts, next.texts), before: hashes, etag: revision.etag, author: name, reason, traceId });
    await revisions.add(revision, next.texts);
  } catch (cause) {
    removePending(stateDir);
    throw notWritten(backupDir(stateDir), cause);
  }
}

function changed(before: Texts, next: Texts): Texts {
  return new Map([...next].filter(([path, text]) => before.get(path) !== text));
}

function restore({ before, next }: Change, { logger }: CommitDeps): void {
  try {
    writeTexts(before.texts, next.texts);
  } catch (error) {
    logger.error({ err: error }, 'the old configuration could not be put back into its file');
  }
}
