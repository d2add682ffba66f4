import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** More are left to the poll: each takes one of the user's inotify watches. */
const maxDirectories = 32;

/**
 * Watches the directories of files, because a watch on a file itself goes deaf at its first atomic replacement. It only makes a change known
 * sooner: what no watch sees (network disks, the far end of links, no watches left) is for a poll to find.
 */
export interface DirectoryWatch {
  /** Follows these files from now on. */
  follow(paths: Iterable<string>): void;
  close(): void;
}

/** `changed` is called for every change of a followed name. */
export function watchDirectories(changed: () => void): DirectoryWatch {
  const watchers = new Map<string, FSWatcher>();
  let names = new Map<string, Set<string>>();
  const drop = (dir: string): void => {
    watchers.get(dir)?.close();
    watchers.delete(dir);
  };
  const add = (dir: string): void => {
    try {
      const watcher = watch(dir, { persistent: false }, (_, name) => {
        if (name === null || names.get(dir)?.has(name)) changed();
      });
      watchers.set(dir, watcher);
      watcher.on('error', () => drop(dir));
    } catch {
      // The poll goes on.
    }
  };
  return {
    follow(paths) {
      names = namesByDirectory(paths);
      for (const dir of watchers.keys()) if (!names.has(dir)) drop(dir);
      for (const dir of names.keys()) if (!watchers.has(dir)) add(dir);
    },
    close() {
      names = new Map();
      for (const dir of watchers.keys()) drop(dir);
    },
  };
}

function namesByDirectory(paths: Iterable<string>): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const path of paths) {
    const dir = dirname(path);
    const known = names.get(dir);
    if (known !== undefined) known.add(basename(path));
    else if (names.size < maxDirectories) names.set(dir, new Set([basename(path)]));
    else break;
  }
  return names;
}
