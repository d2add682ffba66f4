import { randomBytes } from 'node:crypto';
import type { Logger } from '../telemetry/types.ts';
import type { LoadedDocument, Replaced, RevisionRow } from './document-procedures.ts';
import { textOf } from './files.ts';
import { type History, revisionOf } from './history.ts';
import type { Intent } from './intent.ts';
import { bytesOf, changedTexts, hashOf } from './texts.ts';
import type { DiskState, Head, NewRevision, Texts } from './types.ts';

/** The newest revision that is in effect: not the one that was on its way. Its texts are on the disk, or were changed there by hand. */
export function headOf(
  { applied }: LoadedDocument,
  intent: Intent | undefined,
  { history, disk, logger }: { readonly history: History; readonly disk: DiskState; readonly logger: Logger },
): Head | undefined {
  const row = applied.find(({ revision }) => revision !== intent?.row.revision);
  if (row === undefined) return undefined;
  if (disk.kind === 'changed' && hashOf(disk.texts) === row.sha256) return { ...revisionOf(row), texts: disk.texts };
  try {
    return { ...revisionOf(row), texts: history.textsOf(row) };
  } catch (err) {
    logger.error({ err, revision: row.revision }, 'the texts of a revision cannot be read; the files count as changed by hand');
    return { ...revisionOf(row), texts: new Map() };
  }
}

export function rowOf(
  { texts, author, detail = null }: NewRevision,
  at: { readonly revision: number; readonly timeMs: number },
): RevisionRow {
  return {
    ...at,
    etag: randomBytes(8).toString('hex'),
    author: author.name,
    reason: author.reason,
    traceId: author.traceId,
    result: 'APPLIED',
    detail: JSON.stringify(detail),
    bytes: bytesOf(texts),
    sha256: hashOf(texts),
    replacedTimeMs: null,
    replacedAgeMs: null,
  };
}

export function replacedBy(
  { keepBackup = true }: NewRevision,
  { head, ...at }: { readonly head: Head | undefined; readonly timeMs: number; readonly ageMs: number },
): { readonly replaced?: Replaced } {
  return head === undefined || !keepBackup ? {} : { replaced: { revision: head.revision, ...at } };
}

/** What the files have now, whoever wrote it: it is what goes back where the change does not hold. */
export function presentTexts(texts: Texts): Texts {
  return new Map(
    [...texts.keys()].flatMap((path) => {
      const text = textOf(path);
      return text === undefined ? [] : [[path, text] as const];
    }),
  );
}

export function inOrder({ texts, order = [...texts.keys()] }: NewRevision, before: Texts): Texts {
  const changed = changedTexts(before, texts);
  return new Map([...changed].toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b)));
}
