import { hash } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-file.ts';
import type { Texts } from './types.ts';

/** Copies kept; the oldest go first. */
const kept = 20;
/** What is larger is no configuration, and is cut. */
const maxBytes = 1024 * 1024;

export function overwrittenDir(backupDir: string): string {
  return join(backupDir, 'overwritten');
}

/**
 * Keeps what a change over the API is about to overwrite and nobody has taken up: a hand edit that was refused. Answers where each
 * copy lies; what cannot be read is not there to be lost. Throws the file system's error.
 */
export function keepOverwritten(backupDir: string, paths: readonly string[], inEffect: Texts): readonly string[] {
  const dir = overwrittenDir(backupDir);
  const copies = paths.flatMap((path) => {
    const bytes = head(path);
    if (bytes === undefined || bytes.toString('utf8') === inEffect.get(path)) return [];
    makeDirectory(dir);
    const copy = join(dir, `${hash('sha256', bytes).slice(0, 12)}-${basename(path)}`);
    writeFileAtomic(copy, bytes);
    return [copy];
  });
  if (copies.length > 0) prune(dir);
  return copies;
}

function head(path: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(maxBytes);
    return bytes.subarray(0, readSync(fd, bytes, 0, maxBytes, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function prune(dir: string): void {
  const copies = readdirSync(dir).map((name) => ({ path: join(dir, name), mtimeMs: statSync(join(dir, name)).mtimeMs }));
  for (const { path } of copies.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(kept)) rmSync(path, { force: true });
}
