import { hash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory, writeFileAtomic, writeFileInPlace } from '../kernel/atomic-file.ts';
import { AgentError } from '../kernel/errors.ts';
import { readRegularFile } from '../kernel/regular-file.ts';
import type { DiskState, DocumentOptions, Head, Texts } from './types.ts';

/** Where a file is: a configuration is often a link to it. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * Keeps mode (unless another is given) and owner of the old file; a link stays one. A file that is a mount of its own cannot be replaced and is written in place.
 * Throws the file system's error.
 */
export function replaceFile(path: string, text: string, mode?: number): void {
  const real = realPath(path);
  const old = statSync(real, { throwIfNoEntry: false });
  if (old === undefined) makeDirectory(dirname(real));
  try {
    writeFileAtomic(real, text, mode ?? (old === undefined ? 0o600 : old.mode & 0o777));
  } catch (error) {
    if (old === undefined || (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    writeFileInPlace(real, text);
    return;
  }
  if (old === undefined || (old.uid === process.getuid?.() && old.gid === process.getgid?.())) return;
  try {
    chownSync(real, old.uid, old.gid);
  } catch {
    // Whoever is not root keeps the file as its own, which the old one's mode allowed.
  }
}

/** All or none: what was replaced before one failed is put back; files that `before` does not have are removed. Throws CONFIG_NOT_WRITTEN, DISK_FULL. */
export function writeTexts(texts: Texts, before: Texts, mode?: number): void {
  const done: string[] = [];
  for (const [path, text] of texts) {
    if (before.get(path) === text) continue;
    try {
      // It counts before it is tried: what failed may be the flush behind the rename.
      done.push(path);
      replaceFile(path, text, mode);
    } catch (cause) {
      for (const written of done) tryPutBack(written, before.get(written));
      throw notWritten(path, cause);
    }
  }
}

/** Where that fails too, the file counts as one that was changed by hand. */
function tryPutBack(path: string, text: string | undefined): void {
  try {
    putBack(path, text);
  } catch {
    // The caller throws what failed first.
  }
}

/** Throws the file system's error. */
export function putBack(path: string, text: string | undefined): void {
  if (text === undefined) rmSync(path, { force: true });
  else if (textOf(path) !== text) replaceFile(path, text);
}

/** Undefined where there is none, or none that can be read. */
export function textOf(path: string): string | undefined {
  try {
    return readText(path, largestBytes);
  } catch {
    return undefined;
  }
}

/** What files have now, whoever wrote it. */
export function presentTexts(paths: Iterable<string>): Texts {
  const present = new Map<string, string>();
  for (const path of paths) {
    const text = textOf(path);
    if (text !== undefined) present.set(path, text);
  }
  return present;
}

export function sameTexts(one: Texts, other: Texts): boolean {
  return one.size === other.size && [...one].every(([path, text]) => other.get(path) === text);
}

/** The text of a document that has one file. */
export function onlyText(texts: Texts): string {
  return texts.values().next().value ?? '';
}

/** What an editor, a shell's `>` or a full disk leaves for a moment, and nobody means. */
const nothing = /^[\s\uFEFF]*$/;

/** The file that says nothing though it said something before; undefined where there is none. A configuration without keys is `{}`. */
export function isEmptied(texts: Texts, head: Head | undefined): string | undefined {
  const emptied = [...texts].find(([path, text]) => nothing.test(text) && !nothing.test(head?.texts.get(path) ?? ''));
  return emptied?.[0];
}

/** More than any document may have. */
const largestBytes = 64 * 1024 * 1024;
/** Space comes back when somebody frees it. */
const fullRetryMs = 1000;

/** Whether there was no room: on the file system, or in the database. */
function isFull(cause: unknown): boolean {
  if (cause instanceof AgentError) return cause.reason === 'JOURNAL_FULL' || cause.reason === 'DISK_FULL';
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** What to throw where a file, or the record of a change to it, could not be written. */
export function notWritten(path: string, cause: unknown): AgentError {
  const code = cause instanceof AgentError ? cause.reason : (cause as NodeJS.ErrnoException).code;
  const full = isFull(cause);
  return new AgentError(
    full ? 'DISK_FULL' : 'CONFIG_NOT_WRITTEN',
    `${path} could not be written (${code ?? 'unknown error'}); nothing was changed`,
    {
      metadata: { file: path },
      ...(full && { retryAfterMs: fullRetryMs }),
      cause,
    },
  );
}

/** A document's own directory and the files in it are for their owner alone. Throws CONFIG_NOT_WRITTEN, DISK_FULL. */
export function closeDirectory({ directory, files, mode }: Pick<DocumentOptions, 'directory' | 'files' | 'mode'>): void {
  if (directory === undefined) return;
  try {
    makeDirectory(directory);
    chmodSync(directory, 0o700);
    for (const path of files()) if (mode !== undefined && existsSync(path)) chmodSync(path, mode);
  } catch (cause) {
    throw notWritten(directory, cause);
  }
}

/** The text of a file that a document may have. Throws an Error that says in plain words why it cannot be had. */
export function readText(path: string, maxBytes: number): string {
  return readRegularFile(path, ({ size }) => {
    if (size > maxBytes) throw new Error(`it has more than ${maxBytes / 1024 / 1024} MiB`);
  });
}

/** What tells one state of a file from another, readable or not: its mode, its size and age, and its content where that was read. */
function printOf(path: string, text: string | undefined): string {
  try {
    const { mode, size, mtimeMs, ino } = statSync(path);
    const content = text === undefined ? [size, mtimeMs, ino] : [hash('sha256', text)];
    return [path, (mode & 0o7777).toString(8), ...content].join(' ');
  } catch (error) {
    return `${path} ${String((error as NodeJS.ErrnoException).code)}`;
  }
}

/** Reads the files of a document. `read` throws an Error for what cannot be taken. Never throws. */
export function readDisk(paths: readonly string[], read: (path: string) => string): Exclude<DiskState, { kind: 'same' }> {
  const texts = new Map<string, string>();
  let fault: { readonly path: string; readonly error: unknown } | undefined;
  for (const path of paths) {
    try {
      texts.set(path, read(path));
    } catch (error) {
      fault ??= { path, error };
    }
  }
  const print = paths.map((path) => printOf(path, texts.get(path))).join('\n');
  if (fault === undefined) return { kind: 'changed', texts, print };
  const { path, error } = fault;
  const { code, message } = error as NodeJS.ErrnoException;
  const gone = code === 'ENOENT' || code === 'ENOTDIR' || statSync(path, { throwIfNoEntry: false }) === undefined;
  if (gone) return { kind: 'missing', path, print };
  return { kind: 'unreadable', path, message: code === undefined ? message : `it cannot be read (${code})`, print };
}
