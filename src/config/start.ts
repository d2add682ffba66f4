import { isEmptied, type ManagedDocument, sameTexts, settle, type Texts } from '../documents/index.ts';
import type { Json } from '../events/types.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { changesBetween } from './changes.ts';
import type { ConfigEvents } from './events.ts';
import { refuseEmptied } from './hand-edits.ts';
import type { Load } from './judge.ts';
import { changesIn } from './revision.ts';
import type { KeyChange } from './types.ts';

interface Start {
  readonly document: ManagedDocument;
  readonly first: LoadedSettings;
  /** What the files say now. */
  readonly texts: Texts;
  readonly load: Load;
  readonly events: ConfigEvents;
  readonly logger: Logger;
}

/**
 * What is in effect at the start becomes the head: the change that a death of the agent interrupted, or what was changed by hand while
 * it was down. Throws RefusedError where a file is empty that was not.
 */
export async function recordStart(start: Start): Promise<void> {
  const { document, texts, events, logger } = start;
  const finished = await settle(document).catch((err: unknown) => {
    logger.error({ err }, 'a change of the configuration that was interrupted could not be finished');
    return undefined;
  });
  if (finished && sameTexts(finished.texts, texts)) {
    const { revision, author: name, reason, traceId } = finished;
    const changes = changesIn(finished.detail);
    if (changes.length > 0) events.applied({ revision, changes }, { name, reason, traceId });
    return;
  }
  if (document.head && sameTexts(document.head.texts, texts)) return;
  refuseEmptied(isEmptied(texts, document.head));
  const detail = JSON.parse(JSON.stringify(changesSince(start))) as Json;
  await document.run(() => document.adopt({ texts, author: { name: 'file', reason: '', traceId: '' }, detail }));
}

/** Nothing where the earlier texts are gone, or not fit any more. */
function changesSince({ document, first, texts, load, logger }: Start): readonly KeyChange[] {
  const before = document.head?.texts;
  if (before === undefined || before.size === 0) return [];
  try {
    return changesBetween({ loaded: load(before), texts: before }, { loaded: first, texts }, first);
  } catch (error) {
    logger.debug({ err: error }, 'the revision before cannot be compared');
    return [];
  }
}
