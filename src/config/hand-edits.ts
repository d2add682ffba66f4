import { isEmptied, sameTexts, settle, type Texts } from '../documents/index.ts';
import { RefusedError } from '../kernel/errors.ts';
import { readConfigFile } from '../settings/index.ts';
import { asJson, changesBetween, changesIn } from './changes.ts';
import { adopt, changeTo, unitsStopped } from './effect.ts';
import { type ConfigRoom, isRefused, refuseFiles, type State } from './room.ts';
import type { Author, ConfigChange, KeyChange } from './types.ts';

const nobody: Author = { name: 'file', reason: '', traceId: '' };
const mostTries = 5;
/** What stops a running unit must not come from a file that is being written. */
const stoppingMs = 5000;

/** Judges the files and applies them. Throws AgentError; what is refused leaves the old ones in effect. For the holder of the lock. */
export async function readFiles(room: ConfigRoom, author: Author): Promise<ConfigChange> {
  const disk = room.document.disk();
  try {
    return await adopt(room, changeTo(room, judgeFiles(room), { author }));
  } catch (error) {
    throw refuseFiles(room, error, { disk, author });
  }
}

/**
 * Reads them where they are neither in effect nor refused yet. Answers how long they must have been still, where that is longer. Never
 * throws. For the holder of the lock.
 */
export async function readNewFiles(room: ConfigRoom, stillMs = Number.POSITIVE_INFINITY): Promise<number> {
  const disk = room.document.disk();
  // Files in effect are judged once more while anything is refused: that may be a file of a secret, which they name and which is mended by now.
  if (disk.kind === 'same' ? room.refusedPrint === '' : isRefused(room, disk)) return 0;
  try {
    const next = judgeFiles(room);
    const { removed, changed } = unitsStopped(room, next.loaded);
    if (removed.length + changed.length > 0 && stillMs < stoppingMs) return stoppingMs;
    await adopt(room, changeTo(room, next, { author: nobody }));
  } catch (error) {
    const refusal = refuseFiles(room, error, { disk, author: nobody });
    room.logger.debug({ err: refusal }, 'files of the configuration were not taken up');
  }
  return 0;
}

/** A load and the texts that it saw: read again while somebody writes. Throws RefusedError, also for a file that was emptied. */
function judgeFiles(room: ConfigRoom): State {
  const { load } = room;
  for (let tries = 1; ; tries++) {
    const loaded = load();
    const texts = new Map(loaded.paths.map((path) => [path, readConfigFile(path)]));
    refuseEmptied(room, texts);
    if (tries === mostTries) return { loaded, texts };
    try {
      // What was loaded is what these texts say.
      if (load(texts).etag === loaded.etag) return { loaded, texts };
    } catch {
      // Somebody writes: once more.
    }
  }
}

/** @throws RefusedError */
function refuseEmptied({ document }: ConfigRoom, texts: Texts): void {
  const file = isEmptied(texts, document.head);
  if (file === undefined) return;
  const message = 'the file is empty, which nobody means; write {} for a configuration without keys';
  throw new RefusedError(`${file}: ${message}`, { problems: [{ path: '', file, line: 0, rule: 'unfit', message }] });
}

/**
 * What is in effect at the start becomes the head: the change that a death of the agent interrupted, or what was changed by hand while
 * it was down. `texts` are what the files say now. Throws RefusedError where a file is empty that was not.
 */
export async function recordStart(room: ConfigRoom, texts: Texts): Promise<void> {
  const { document, events, logger } = room;
  const finished = await settle(document).catch((err: unknown) => {
    logger.error({ err }, 'a change of the configuration that was interrupted could not be finished');
    return undefined;
  });
  if (finished && sameTexts(finished.texts, texts)) {
    const { revision, author: name, reason, traceId } = finished;
    const changes = changesIn(finished.detail);
    if (changes.length > 0) events.applied({ revision, changes, author: { name, reason, traceId } });
    return;
  }
  if (document.head && sameTexts(document.head.texts, texts)) return;
  refuseEmptied(room, texts);
  await document.run(() => document.adopt({ texts, author: nobody, detail: asJson(changesSince(room, texts)) }));
}

/** Nothing where the earlier texts are gone, or not fit any more. */
function changesSince({ document, boot, load, logger }: ConfigRoom, texts: Texts): readonly KeyChange[] {
  const before = document.head?.texts;
  if (before === undefined || before.size === 0) return [];
  try {
    return changesBetween({ loaded: load(before), texts: before }, { loaded: boot, texts }, boot);
  } catch (error) {
    logger.debug({ err: error }, 'the revision before cannot be compared');
    return [];
  }
}
