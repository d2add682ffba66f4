/**
 * The daemon in few files, where there is such a bundle and nothing has changed since it was made (deploy/package/bundle.ts). A package brings
 * one; in a checkout `npm ci` and `npm start` make it. A file that was edited since is reason enough to run the sources: what runs is always
 * what is written.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Of what a bundle was made: a stamp for each file, by its path below the project. Empty in a package, where nothing is edited. */
export type Inputs = Readonly<Record<string, string>>;

/** Directory of the bundle, below the project. */
export const bundleDirectory = 'dist';
/** Names the files that a bundle was made of; written last, so that what has it is whole. */
export const inputsFile = 'inputs.json';
/** Says which packages belong to it: one file for all of theirs. */
export const packagesFile = 'package-lock.json';

/** What changes when a file is written. Empty where there is none. */
export function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.mtimeMs} ${found.size}`;
}

/** Whether the bundle of the project in `root` is there and made of the files as they are. */
export function isFresh(root: string): boolean {
  try {
    const inputs: Inputs = JSON.parse(readFileSync(join(root, bundleDirectory, inputsFile), 'utf8'));
    return Object.entries(inputs).every(([path, stamp]) => stampOf(join(root, path)) === stamp);
  } catch {
    return false;
  }
}

/** The daemon: of the bundle where that is fresh, else of the sources. `root` is the project's directory. */
export async function loadDaemon(root: string): Promise<typeof import('./app/main.ts')> {
  if (!isFresh(root)) return import('./app/main.ts');
  return import(pathToFileURL(join(root, bundleDirectory, 'serve.js')).href);
}
