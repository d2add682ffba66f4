import type { Revision } from '../../documents/index.ts';
import type { PluginBackup } from '../types.ts';
import { limits } from './limits.ts';
import type { DocumentRoom, DocumentSettings } from './room.ts';
import { type Entry, stateOf } from './state.ts';

/** Revisions before the newest whose content is kept, so that a late acknowledgement still finds its document. */
const recentRevisions = 4;
/** More than a document ever has: backups, and what is kept beside them. */
const allRevisions = 1000;

/** Those of the revisions (newest first) that are backups: within retention and number; the newest stays. The retention follows a time that no jump of the clock moves. */
function backupsAmong(
  revisions: readonly Revision[],
  { backupRetentionMs }: Pick<DocumentSettings, 'backupRetentionMs'>,
  nowAgeMs: number,
): readonly Revision[] {
  const replaced = revisions.filter(({ replacedAgeMs }) => replacedAgeMs !== undefined);
  return replaced.filter(({ replacedAgeMs = 0 }, i) => i === 0 || (i < limits.backups && replacedAgeMs >= nowAgeMs - backupRetentionMs));
}

export async function listBackups(room: DocumentRoom, { document }: Entry): Promise<readonly PluginBackup[]> {
  const backups = backupsAmong(await document.revisions({ limit: allRevisions }), room.settings, room.store.ageing.nowMs());
  return backups.map(({ revision, replacedTimeMs: timeMs = 0, bytes }) => {
    return { id: String(revision), revision, timeMs, bytes, expireTimeMs: timeMs + room.settings.backupRetentionMs };
  });
}

/** Removes what is no backup any more and nobody needs. For the holder of the lock. */
export async function pruneBackups(room: DocumentRoom, entry: Entry): Promise<void> {
  const { document } = entry;
  const revisions = await document.revisions({ limit: allRevisions });
  const backups = new Set(backupsAmong(revisions, room.settings, room.store.ageing.nowMs()));
  const { appliedRevision } = stateOf(entry);
  const newest = document.head?.revision ?? 0;
  const isNeeded = ({ revision, replacedAgeMs }: Revision): boolean =>
    revision === newest || revision === appliedRevision || (replacedAgeMs === undefined && revision >= newest - recentRevisions);
  await document.forget(revisions.filter((one) => !backups.has(one) && !isNeeded(one)).map(({ revision }) => revision));
}
