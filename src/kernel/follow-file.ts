import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from './clock.ts';

const pollMs = 500;

/**
 * Calls `changed` when the file is another than before (replaced, written, made, removed). The directory is watched, because a
 * watch on a file goes deaf at its first atomic replacement; a poll catches what inotify misses (network disks, no watches left)
 * and calls `tick` each time. Answers how to stop.
 */
export function followFile(path: string, clock: Clock, on: { readonly changed: () => void; readonly tick: () => void }): () => void {
  let last = identity(path);
  const look = (): void => {
    const now = identity(path);
    if (now === last) return;
    last = now;
    on.changed();
  };
  const watcher = tryWatch(dirname(path), basename(path), look);
  const stopPoll = clock.every(pollMs, () => {
    look();
    on.tick();
  });
  return () => {
    stopPoll();
    watcher?.close();
  };
}

function tryWatch(dir: string, name: string, fn: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dir, { persistent: false }, (_, file) => {
      if (file === null || file === name) fn();
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

function identity(path: string): string {
  try {
    const s = statSync(path, { bigint: true });
    return `${s.ino}:${s.size}:${s.mtimeNs}:${s.ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
