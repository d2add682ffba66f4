import { readdirSync, statSync } from 'node:fs';
import type { Clock } from '../../kernel/clock.ts';
import { createFollower, type Followed } from '../../kernel/follow-files.ts';
import { pluginId } from '../plugin-id.ts';
import { takeFile } from './hand-edits.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, documentFile, entryFor, locked } from './room.ts';

/** Looks after the documents while `plugins.configuration.auto_reload` is on. Answers how to stop; it then waits for what is under way. */
export function followDocuments(room: DocumentRoom): () => Promise<void> {
  const followed = new Map<string, Followed>();
  let stopped = false;
  const folders = createFolderList(room.dir, room.clock);
  const follow = (id: string): Followed => ({
    files: () => [documentFile(room, id)],
    take: () =>
      locked(room, id, async () => {
        if (!stopped && room.settings.autoReload) await takeFile(room, await entryFor(room, id));
        return 0;
      }).catch((err: unknown) => {
        room.logger.warn({ err, plugin: id }, 'the document of a plugin could not be read again');
        // It is looked at again as if it had changed.
        followed.delete(id);
        return 0;
      }),
  });
  const follower = createFollower({
    clock: room.clock,
    delayMs: room.reloadDelayMs,
    *documents() {
      if (!room.settings.autoReload) return;
      const ids = new Set([...room.entries.keys(), ...folders()]);
      for (const id of followed.keys()) if (!ids.has(id)) followed.delete(id);
      for (const id of ids) {
        const one = followed.get(id) ?? follow(id);
        followed.set(id, one);
        yield one;
      }
    },
  });
  follower.start();
  return () => {
    stopped = true;
    return follower.stop();
  };
}

/** What changes within so long after a change may have the same time. */
const coarseMs = 2000;

/** `foldersOf`, read again only when the directory has changed: it is asked for twice a second, by an agent that has nothing else to do. */
function createFolderList(dir: string, clock: Clock): () => readonly string[] {
  let known: { readonly mtimeMs: number; readonly names: readonly string[] } | undefined;
  return () => {
    const mtimeMs = statSync(dir, { throwIfNoEntry: false })?.mtimeMs;
    if (known !== undefined && known.mtimeMs === mtimeMs) return known.names;
    const names = foldersOf(dir);
    known = mtimeMs !== undefined && Math.abs(clock.wallMs() - mtimeMs) > coarseMs ? { mtimeMs, names } : undefined;
    return names;
  };
}

/** Names of folders that can be those of plugins, among them what a person made for one without a document: the file may come later. */
export function foldersOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => pluginId.test(name))
      .slice(0, limits.plugins);
  } catch {
    return [];
  }
}
