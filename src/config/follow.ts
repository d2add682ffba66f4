import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { realPath } from './write-files.ts';

const pollMs = 500;
const debounceMs = 150;

export interface Follower {
  start(): void;
  stop(): void;
}

/**
 * Calls `changed` when a file of the configuration is another than before, came or went, once its writer has been quiet for a moment. The
 * directories are watched, since editors rename; a poll catches what no watch tells (network disks, no watches left, new links).
 */
export function createFollower(options: {
  readonly files: () => readonly string[];
  readonly clock: Clock;
  readonly changed: () => void;
}): Follower {
  const { files, clock, changed } = options;
  const watchers = new Map<string, FSWatcher>();
  let last = '';
  let cancel: () => void = () => {};
  let stopPoll: (() => void) | undefined;
  const look = (): void => {
    const paths = files();
    watchAll(new Set(paths.flatMap((path) => [dirname(path), dirname(realPath(path))])), watchers, look);
    const now = paths.map(identity).join();
    if (now === last) return;
    last = now;
    cancel();
    cancel = clock.after(debounceMs, changed);
  };
  return {
    start() {
      if (stopPoll !== undefined) return;
      stopPoll = clock.every(pollMs, look);
      look();
    },
    stop() {
      stopPoll?.();
      cancel();
      watchAll(new Set(), watchers, look);
    },
  };
}

function watchAll(dirs: ReadonlySet<string>, watchers: Map<string, FSWatcher>, look: () => void): void {
  for (const [dir, watcher] of watchers) {
    if (dirs.has(dir)) continue;
    watchers.delete(dir);
    watcher.close();
  }
  for (const dir of dirs) {
    if (watchers.has(dir)) continue;
    try {
      const watcher = watch(dir, { persistent: false }, () => look());
      watchers.set(dir, watcher);
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(dir);
      });
    } catch {
      // The poll goes on.
    }
  }
}

function identity(path: string): string {
  try {
    const s = statSync(path, { bigint: true });
    return `${path}:${s.ino}:${s.size}:${s.mtimeNs}:${s.ctimeNs}`;
  } catch (error) {
    return `${path}:${String((error as NodeJS.ErrnoException).code)}`;
  }
}
