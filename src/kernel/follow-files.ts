import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from './clock.ts';

const pollMs = 500;

export interface FollowOptions {
  /** Asked at every look: a list that changes is followed. */
  readonly files: () => readonly string[];
  readonly clock: Clock;
  /** How long they must have been the same before a change counts: who renews a certificate writes two files. Default: 0. */
  readonly stillMs?: number;
  readonly changed: () => void;
  /** Called at every poll, after `changed`. */
  readonly tick?: () => void;
}

/**
 * Calls `changed` when a file is another than before: replaced, written, made, removed, behind a link as well. Directories are watched,
 * because a watch on a file goes deaf at its first atomic replacement; a poll catches what no watch tells (network disks, links, no
 * watches left). Answers how to stop.
 */
export function followFiles({ files, clock, stillMs = 0, changed, tick }: FollowOptions): () => void {
  const watchers = new Map<string, FSWatcher>();
  let last: string | undefined;
  let cancel = (): void => {};
  const look = (): void => {
    const paths = files();
    watchAll(new Set(paths.map((path) => dirname(path))), watchers, look);
    const now = paths.map(identity).join();
    if (now === last) return;
    const first = last === undefined;
    last = now;
    if (first) return;
    cancel();
    if (stillMs === 0) changed();
    else cancel = clock.after(stillMs, changed);
  };
  look();
  const stopPoll = clock.every(pollMs, () => {
    look();
    tick?.();
  });
  return () => {
    stopPoll();
    cancel();
    watchAll(new Set(), watchers, look);
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
