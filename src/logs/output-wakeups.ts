import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../kernel/clock.ts';

/** What was not finished is gone on with after this time; spools whose directory announces nothing are checked as often. */
const soonMs = 150;
/** Announcements can be lost (the kernel's queue is bounded): every spool is checked this often all the same. */
const checkEveryMs = 5000;

export interface OutputReader {
  /** The spool files, of one directory. */
  readonly paths: readonly string[];
  /** Reads what is there. Never rejects. */
  read(): Promise<void>;
  /** Whether all is read and nothing is owed; costs a stat for each spool. */
  isIdle(): boolean;
  /** Whether another read is wanted soon though nothing comes: a line has not ended, blocks are to be freed. */
  isOwed(): boolean;
}

/**
 * Calls `read` when a spool grows, and again while it is owed. A silent spool costs nothing but a stat now and then: a machine may have
 * hundreds of them. Answers how to stop.
 */
export function wakeOnOutput(reader: OutputReader, clock: Clock): () => void {
  let cancelSoon: (() => void) | undefined;
  /** The directory has announced something, be it a note of our own: here a write is announced. */
  let isAnnounced = false;
  let isReading = false;
  let stopped = false;
  const read = (): void => {
    cancelSoon?.();
    cancelSoon = undefined;
    const done = reader.read();
    // A flood announces each of its writes: one of them at a time waits for the end of the read.
    if (isReading) return;
    isReading = true;
    void done.then(() => {
      isReading = false;
      schedule();
    });
  };
  const schedule = (): void => {
    if (stopped || cancelSoon !== undefined || (isAnnounced && !reader.isOwed())) return;
    cancelSoon = clock.after(soonMs, () => {
      cancelSoon = undefined;
      check();
    });
  };
  const check = (): void => {
    if (reader.isOwed() || !reader.isIdle()) read();
    else schedule();
  };
  const unwatch = watchDirectory(reader.paths, (isSpool) => {
    isAnnounced = true;
    if (isSpool) read();
  });
  const cancelChecks = clock.every(checkEveryMs, check);
  read();
  return () => {
    stopped = true;
    unwatch();
    cancelChecks();
    cancelSoon?.();
  };
}

function watchDirectory(paths: readonly string[], announced: (isSpool: boolean) => void): () => void {
  const names = new Set(paths.map((path) => basename(path)));
  try {
    const watcher = watch(dirname(paths[0] ?? ''), { persistent: false }, (_, name) => announced(name === null || names.has(name)));
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    // No watch is left: the spools are checked often instead.
    return () => undefined;
  }
}
