import { chownSync, realpathSync, statSync } from 'node:fs';
import { writeFileAtomic } from '../kernel/atomic-file.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Texts } from './texts.ts';

/** Where a file is: a configuration is often a link to it. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Keeps mode and owner of the old file; a link stays one. */
export function replaceFile(path: string, text: string): void {
  const real = realPath(path);
  const old = statSync(real, { throwIfNoEntry: false });
  writeFileAtomic(real, text, old === undefined ? 0o600 : old.mode & 0o777);
  if (old === undefined || (old.uid === process.getuid?.() && old.gid === process.getgid?.())) return;
  try {
    chownSync(real, old.uid, old.gid);
  } catch {
    // Whoever is not root keeps the file as its own, which the old one's mode allowed.
  }
}

/** All or none: what was replaced before one failed is put back. Throws CONFIG_NOT_WRITTEN, DISK_FULL. */
export function writeTexts(texts: Texts, before: Texts): void {
  const done: string[] = [];
  for (const [path, text] of texts) {
    if (before.get(path) === text) continue;
    try {
      replaceFile(path, text);
      done.push(path);
    } catch (cause) {
      putBack(done, before);
      throw notWritten(path, cause);
    }
  }
}

/** Space comes back when somebody frees it. */
export const fullRetryMs = 1000;

/** Whether there was no room: on the file system, or in the database. */
export function isFull(cause: unknown): boolean {
  if (cause instanceof AgentError) return cause.reason === 'JOURNAL_FULL';
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

export function notWritten(path: string, cause: unknown): AgentError {
  const { code } = cause as NodeJS.ErrnoException;
  return new AgentError(
    isFull(cause) ? 'DISK_FULL' : 'CONFIG_NOT_WRITTEN',
    `${path} could not be written (${code ?? 'unknown error'}); nothing was changed`,
    {
      metadata: { file: path },
      ...(isFull(cause) && { retryAfterMs: fullRetryMs }),
      cause,
    },
  );
}

function putBack(paths: readonly string[], before: Texts): void {
  for (const path of paths) {
    const text = before.get(path);
    if (text !== undefined) replaceFile(path, text);
  }
}
