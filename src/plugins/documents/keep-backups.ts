import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from '../../kernel/ids.ts';
import type { BackupRow } from './documents-procedures.ts';
import { limits } from './limits.ts';
import type { DocumentRoom } from './room.ts';
import type { Entry } from './state.ts';

export function backupName(id: string): string {
  return `${id}.json`;
}

/** Copies the document in force before it is replaced. The row goes into the database with the new revision. */
export function keepBackup(room: DocumentRoom, entry: Entry): BackupRow | undefined {
  const { text, state } = entry;
  if (!room.settings.backupEnabled || text === undefined) return undefined;
  const id = ulid(room.clock.wallMs());
  const sha256 = room.backupsOf(entry.id).save(backupName(id), text);
  const bytes = Buffer.byteLength(text);
  return { id, revision: state.revision, timeMs: room.clock.wallMs(), ageMs: room.store.ageing.nowMs(), bytes, sha256 };
}

/** Removes what is over the retention or the number; the newest stays. The retention follows a time that no jump of the clock moves. */
export async function pruneBackups(room: DocumentRoom, entry: Entry): Promise<void> {
  const before = room.store.ageing.nowMs() - room.settings.backupRetentionMs;
  const old = entry.backups.filter((backup, i) => i > 0 && (backup.ageMs < before || i >= limits.backups));
  if (old.length === 0) return;
  await room.store.write('plugin_documents', 'forgetBackups', { ids: old.map(({ id }) => id) });
  entry.backups = entry.backups.filter((backup) => !old.includes(backup));
  for (const { id } of old) room.backupsOf(entry.id).remove(backupName(id));
}

/** Files of backups that no row names: the agent ended between the copy and the change. */
export function removeStrays(room: DocumentRoom, entry: Entry): void {
  const known = new Set(entry.backups.map(({ id }) => backupName(id)));
  const dir = room.backupDir(entry.id);
  for (const name of filesOf(dir)) {
    if (!known.has(name) && /^(?:[0-9A-HJKMNP-TV-Z]{26}\.json|\..*\.tmp)$/.test(name)) rmSync(join(dir, name), { force: true });
  }
}

export function filesOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
