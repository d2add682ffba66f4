import { readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDirectory, removeTemporaries, syncDirectory, writeFileAtomic } from '../kernel/atomic-file.ts';
import type { Replaced, RevisionRow } from './document-procedures.ts';
import { putBack, realPath, replaceFile, textOf } from './files.ts';
import type { FilesState, Texts } from './types.ts';

/** A change on its way, as it lies beside the backups: all that it takes to end it, whatever killed it. */
export interface Intent {
  readonly row: RevisionRow;
  /** The revision that it replaces; 0 = none. */
  readonly from: number;
  /** Where that one becomes a backup. */
  readonly replaced?: Replaced | undefined;
  /** In the order in which the files are replaced. */
  readonly texts: Texts;
  /** What the files had, where there was one. */
  readonly before: Texts;
  /** Whether it is being taken back: it is then never finished. */
  readonly undo: boolean;
}

type Entries = readonly (readonly [string, string])[];

function intentPath(backupDir: string): string {
  return join(backupDir, 'pending.json');
}

/** On the disk when it returns. Throws the file system's error. */
export function saveIntent(backupDir: string, { texts, before, ...facts }: Intent): void {
  makeDirectory(backupDir);
  writeFileAtomic(intentPath(backupDir), JSON.stringify({ ...facts, texts: [...texts], before: [...before] }));
}

export function removeIntent(backupDir: string): void {
  const path = intentPath(backupDir);
  try {
    rmSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  syncDirectory(backupDir);
}

/** Undefined where there is none, or none that can be read: it was being written when the agent died, and no file was touched yet. */
export function readIntent(backupDir: string): Intent | undefined {
  try {
    const text = readFileSync(intentPath(backupDir), 'utf8');
    const { texts, before, ...facts } = JSON.parse(text) as Omit<Intent, 'texts' | 'before'> & { texts: Entries; before: Entries };
    return { ...facts, texts: new Map(texts), before: new Map(before) };
  } catch {
    return undefined;
  }
}

/** What lies in the files that a change touches; `paths` are those that are looked at. */
export function filesState({ texts, before }: Pick<Intent, 'texts' | 'before'>, paths = [...texts.keys()]): FilesState {
  const states = paths.flatMap((path) => {
    const [after, old] = [texts.get(path), before.get(path)];
    return after === undefined || after === old ? [] : [stateOf(textOf(path), { after, old })];
  });
  if (states.includes('edited')) return 'edited';
  if (states.every((state) => state === 'after')) return 'after';
  return states.every((state) => state === 'before') ? 'before' : 'between';
}

function stateOf(now: string | undefined, { after, old }: { readonly after: string; readonly old: string | undefined }): FilesState {
  if (now === after) return 'after';
  if (now === old) return 'before';
  return now !== undefined && old !== undefined && isTorn(now, { after, old }) ? 'between' : 'edited';
}

/** What a write in place leaves when it is cut: at each place a byte of the one or of the other. A text by a person is not like that. */
function isTorn(now: string, { after, old }: { readonly after: string; readonly old: string }): boolean {
  const [bytes, next, last] = [now, after, old].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  if (bytes.length > Math.max(next.length, last.length)) return false;
  return bytes.every((byte, i) => byte === next[i] || byte === last[i] || byte === 0);
}

/**
 * Ends the files' part of the change that a death of the agent interrupted, before anybody reads them: `paths` are the files that are going
 * to be read, and no other is touched. The intent stays until the document is opened and has ended the rest. Throws the file system's error.
 */
export function finishFiles(backupDir: string, paths: readonly string[]): void {
  removeTemporaries(backupDir);
  for (const path of paths.map(realPath)) removeTemporaries(dirname(path), basename(path));
  const intent = readIntent(backupDir);
  if (intent === undefined) {
    removeIntent(backupDir);
    return;
  }
  const mine = [...intent.texts.keys()].filter((path) => paths.includes(path));
  if (filesState(intent, mine) === 'edited') return;
  for (const path of mine) {
    if (intent.undo) putBack(path, intent.before.get(path));
    else if (textOf(path) !== intent.texts.get(path)) replaceFile(path, intent.texts.get(path) ?? '');
  }
}
