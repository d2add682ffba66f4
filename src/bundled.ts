/**
 * The daemon, and the client, in few files each, where there is such a bundle and nothing has changed since it was made
 * (deploy/package/bundle.ts). A package brings them; in a checkout `npm ci` and `npm start` make them. A file that was edited since is reason
 * enough to run the sources: what runs is always what is written.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBundle } from './chunks.ts';

export type BundleName = 'daemon' | 'client';

/** Of what a bundle was made: a stamp for each file, by its path below the project. Empty in a package, where nothing is edited. */
export type Inputs = Readonly<Record<string, string>>;

/** Names the files that a bundle was made of. */
export const inputsFile = 'inputs.json';
/** Where a bundle begins. */
export const entryFile = './main.cjs';
/** Says which packages belong to it: one file for all of theirs. */
export const packagesFile = 'package-lock.json';

/** Directory of a bundle, below the project in `root`. */
export function bundleDirectory(root: string, name: BundleName): string {
  return join(root, 'dist', name);
}

/** What changes when a file is written. Empty where there is none. */
export function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.mtimeMs} ${found.size}`;
}

/** Whether a bundle of the project in `root` is there and made of the files as they are. */
export function isFresh(root: string, name: BundleName): boolean {
  try {
    const inputs: Inputs = JSON.parse(readFileSync(join(bundleDirectory(root, name), inputsFile), 'utf8'));
    // A thousand files: plain paths, since to join each takes as long as to look at it.
    return Object.keys(inputs).every((path) => stampOf(`${root}/${path}`) === inputs[path]);
  } catch {
    return false;
  }
}

/** What runs, and what to call once it has started: the code that was compiled meanwhile is kept for the next start. */
export interface Loaded<T> {
  readonly module: T;
  readonly keepCode: () => void;
}

/** What a bundle begins with, whether it is fresh or not. */
export function loadBundle<T>(root: string, name: BundleName): Loaded<T> {
  const { load, keepCode } = openBundle(bundleDirectory(root, name));
  return { module: load(entryFile) as T, keepCode };
}

/** What a program that was started from its bundle does where that is not fresh: the sources have the same command line. */
export async function runSources(root: string): Promise<undefined> {
  const main = ['src/main.js', 'src/main.ts'].map((path) => join(root, path)).find((path) => existsSync(path));
  if (main !== undefined) await import(pathToFileURL(main).href);
  return undefined;
}

/** The daemon: of its bundle where that is fresh, else of the sources. `root` is the project's directory. */
export async function loadDaemon(root: string): Promise<Loaded<typeof import('./app/main.ts')>> {
  return isFresh(root, 'daemon') ? loadBundle(root, 'daemon') : { module: await import('./app/main.ts'), keepCode: () => {} };
}

/** The client likewise. */
export async function loadClient(root: string): Promise<typeof import('./client.ts')> {
  return isFresh(root, 'client') ? loadBundle<typeof import('./client.ts')>(root, 'client').module : import('./client.ts');
}
