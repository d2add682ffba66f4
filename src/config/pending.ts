import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectory, writeFileAtomic } from '../kernel/atomic-file.ts';
import { makeDirectory } from './backups.ts';
import { decodeTexts, encodeTexts } from './revisions.ts';
import type { Texts } from './texts.ts';
import { realPath, replaceFile } from './write-files.ts';

/** A change on its way to the files: what a kill in the middle of it leaves behind. */
export interface Pending {
  readonly texts: Texts;
  /** SHA-256 of what is replaced, by path: a file that is neither that nor the new one was edited by hand since. */
  readonly before: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly traceId: string;
}

export function backupDir(stateDir: string): string {
  return join(stateDir, 'backups', 'agent');
}

function pendingPath(stateDir: string): string {
  return join(backupDir(stateDir), 'pending.json');
}

/** On the disk when it returns. Throws the file system's error. */
export function savePending(stateDir: string, { texts, ...facts }: Pending): void {
  makeDirectory(backupDir(stateDir));
  writeFileAtomic(pendingPath(stateDir), JSON.stringify({ ...facts, texts: encodeTexts(texts) }));
}

export function removePending(stateDir: string): void {
  if (!existsSync(pendingPath(stateDir))) return;
  rmSync(pendingPath(stateDir), { force: true });
  syncDirectory(backupDir(stateDir));
}

/** Undefined where there is none, or none that can be read: it was being written when the agent died, and no file was touched yet. */
export function readPending(stateDir: string): Pending | undefined {
  try {
    const { texts, ...facts } = JSON.parse(readFileSync(pendingPath(stateDir), 'utf8')) as Omit<Pending, 'texts'> & { texts: string };
    return { ...facts, texts: decodeTexts(texts) };
  } catch {
    return undefined;
  }
}

/**
 * Finishes the change that a death of the agent interrupted, before the settings are read: `paths` are the files that are going to be
 * read, and no other is touched. Removes temporary files of ours beside them. The change stays on record until `openConfig` has
 * made its revision. Throws the file system's error.
 */
export function finishPending(stateDir: string, paths: readonly string[]): void {
  for (const path of paths) removeStrays(path);
  const pending = readPending(stateDir);
  if (pending === undefined) {
    removePending(stateDir);
    return;
  }
  const unfinished = [...pending.texts].filter(([path, text]) => paths.includes(path) && readOr(path) !== text);
  const edited = unfinished.some(([path]) => hash('sha256', readOr(path) ?? '') !== pending.before[path]);
  if (!edited) for (const [path, text] of unfinished) replaceFile(path, text);
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** `.NAME.<12 hex>.tmp`: what a kill leaves of an atomic write. */
function removeStrays(path: string): void {
  const real = realPath(path);
  const stray = new RegExp(`^\\.${RegExp.escape(basename(real))}\\.[0-9a-f]{12}\\.tmp$`);
  try {
    for (const name of readdirSync(dirname(real))) if (stray.test(name)) rmSync(join(dirname(real), name), { force: true });
  } catch {
    // A directory that cannot be read or written to is judged by whoever needs it.
  }
}
