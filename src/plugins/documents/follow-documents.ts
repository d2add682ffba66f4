import { statSync } from 'node:fs';
import { pluginId } from '../plugin-id.ts';
import { documentFile } from './commit.ts';
import { takeFile } from './hand-edits.ts';
import { filesOf } from './keep-backups.ts';
import { limits } from './limits.ts';
import type { DocumentRoom } from './room.ts';
import { type Entry, newEntry } from './state.ts';

/** One stat costs some microseconds: 1,000 documents are about one percent of a core. Watches would be as many, and miss network disks. */
const pollMs = 500;
/** A file is taken when it was the same for so long: editors write in parts. */
const settleMs = 100;

/** Looks after the documents while `plugins.configuration.auto_reload` is on. Answers how to stop; it then waits for what is under way. */
export function followDocuments(room: DocumentRoom): () => Promise<void> {
  const underway = new Set<Promise<void>>();
  let stopped = false;
  let seenDir = '';
  const take = (entry: Entry, identity: string): void => {
    if (stopped || room.entries.get(entry.id) !== entry) return;
    if (identityOf(documentFile(room, entry.id)) !== identity) return;
    const work = room.lock
      .run(entry.id, () => takeFile(room, entry))
      .catch((err: unknown) => {
        entry.seen = '';
        room.logger.warn({ err, plugin: entry.id }, 'the document of a plugin could not be read again');
      })
      .finally(() => underway.delete(work));
    underway.add(work);
  };
  const look = (): void => {
    if (!room.settings.autoReload) return;
    seenDir = discover(room, seenDir);
    for (const entry of room.entries.values()) {
      const identity = identityOf(documentFile(room, entry.id));
      if (identity === entry.seen) continue;
      entry.seen = identity;
      room.clock.after(settleMs, () => take(entry, identity));
    }
  };
  const stopPoll = room.clock.every(pollMs, look);
  return async () => {
    stopped = true;
    stopPoll();
    await Promise.allSettled(underway);
  };
}

/** Folders that a person made for plugins without a document; the file may come later. Answers what it saw of the directory. */
export function discover(room: DocumentRoom, seen: string): string {
  const identity = identityOf(room.dir);
  if (identity === seen) return seen;
  for (const id of filesOf(room.dir)) {
    if (!pluginId.test(id) || room.entries.has(id)) continue;
    if (room.entries.size >= limits.plugins) room.refused('plugin_documents');
    else room.entries.set(id, { ...newEntry(id), seen: 'ENOENT' });
  }
  return identity;
}

/** Without the big integers of the file system's own precision: their making costs more than the call. */
export function identityOf(path: string): string {
  try {
    const s = statSync(path, { throwIfNoEntry: false });
    return s === undefined ? 'ENOENT' : `${s.ino}:${s.size}:${s.mtimeMs}:${s.ctimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
