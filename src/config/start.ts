import type { Clock } from '../kernel/clock.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { changesBetween } from './changes.ts';
import type { Current } from './commit.ts';
import type { Load } from './judge.ts';
import { readPending, removePending } from './pending.ts';
import type { Revisions } from './revisions.ts';
import type { Tell } from './tell.ts';
import { etagOf, type Texts } from './texts.ts';
import type { ConfigRevision, KeyChange } from './types.ts';

interface Start {
  readonly first: LoadedSettings;
  readonly texts: Texts;
  readonly load: Load;
  readonly revisions: Revisions;
  readonly tell: Tell;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateDir: string;
}

/**
 * What is in force at the start: the newest revision, or a new one where the files are not those of the newest. A store that is ill
 * keeps nobody from starting: the revision is then known to this run alone.
 */
export async function recordStart(start: Start): Promise<Current> {
  const { first, texts, revisions, tell, logger, stateDir } = start;
  const etag = etagOf(texts);
  const pending = readPending(stateDir);
  const finished = pending?.etag === etag ? pending : undefined;
  let revision: ConfigRevision;
  try {
    const newest = await revisions.newest();
    revision =
      newest?.etag === etag
        ? newest
        : await newRevision(newest, { ...start, author: finished?.author ?? 'file', reason: finished?.reason ?? '' });
  } catch (error) {
    logger.error({ err: error }, 'revisions of the configuration cannot be kept');
    revision = { revision: 1, etag, author: 'file', reason: '', timeMs: start.clock.wallMs(), changes: [] };
  }
  removePending(stateDir);
  // The change that a death of the agent interrupted is in force now: it is told as any other.
  if (finished !== undefined && revision.changes.length > 0) tell.applied(revision, { ...finished, name: finished.author });
  return { loaded: first, texts, revision: revision.revision, etag, timeMs: revision.timeMs };
}

async function newRevision(newest: ConfigRevision | undefined, start: Start & { author: string; reason: string }): Promise<ConfigRevision> {
  const { texts, revisions, clock, author, reason } = start;
  const changes = newest === undefined ? [] : await changesSince(newest.revision, start);
  const revision = { revision: (newest?.revision ?? 0) + 1, etag: etagOf(texts), author, reason, timeMs: clock.wallMs(), changes };
  await revisions.add(revision, texts);
  return revision;
}

/** Nothing where the earlier texts are gone, or not fit any more. */
async function changesSince(revision: number, { first, texts, load, revisions, logger }: Start): Promise<readonly KeyChange[]> {
  try {
    const before = await revisions.texts(revision);
    return changesBetween({ loaded: load(before), texts: before }, { loaded: first, texts }, first);
  } catch (error) {
    logger.debug({ err: error, revision }, 'the revision before cannot be compared');
    return [];
  }
}
