import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { notWritten } from '../../documents/index.ts';
import { makeDirectory } from '../../kernel/atomic-file.ts';
import { type DocumentRoom, documentFile } from './room.ts';
import type { Entry } from './state.ts';

/** Who makes a revision. */
export interface By {
  readonly author: string;
  readonly traceId: string;
}

/** Makes `text` the next revision. Throws CONFIG_NOT_WRITTEN, DISK_FULL; then it is as before. For the holder of the lock. */
export async function commitRevision(
  room: DocumentRoom,
  entry: Entry,
  { author, traceId, text }: By & { readonly text: string },
): Promise<void> {
  const file = documentFile(room, entry.id);
  const keepBackup = room.settings.backupEnabled;
  closeDirectory(dirname(file));
  const change = await entry.document.begin({ texts: new Map([[file, text]]), author: { name: author, reason: '', traceId }, keepBackup });
  await change.apply();
  entry.refusal = undefined;
}

/** For its owner alone, whoever made it. Throws CONFIG_NOT_WRITTEN. */
export function closeDirectory(path: string): void {
  try {
    makeDirectory(path);
    chmodSync(path, 0o700);
  } catch (cause) {
    throw notWritten(path, cause);
  }
}
