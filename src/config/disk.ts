import { hash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { readConfigFile } from '../settings/index.ts';
import type { Texts } from './texts.ts';

/** Throws RefusedError where a file cannot be read, or others may write to it. */
export function readTexts(paths: readonly string[]): Texts {
  return new Map(paths.map((path) => [path, readConfigFile(path)]));
}

function modeOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'ENOENT' : (stat.mode & 0o7777).toString(8);
}

function contentOf(path: string): string {
  try {
    return statSync(path).size > 16 * 1024 * 1024 ? 'too large' : hash('sha256', readFileSync(path));
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** What tells one state of the files from another, readable or not: names, modes, contents. */
export function printOfDisk(paths: readonly string[]): string {
  return JSON.stringify(paths.map((path) => [path, modeOf(path), contentOf(path)]));
}

/** The same, had the files these texts. */
export function printOfTexts(texts: Texts): string {
  return JSON.stringify([...texts].map(([path, text]) => [path, modeOf(path), hash('sha256', text)]));
}
