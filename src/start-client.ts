/**
 * The client as a program: bin/sboxagent starts it from the client's bundle, so that a command loads nothing but the client. What is written
 * runs: a bundle that is older than a source of the client leaves the command to the sources.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isFresh, loadBundle } from './bundled.ts';
import { endWith } from './ending.ts';

async function run(argv: readonly string[]): Promise<undefined> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  if (isFresh(root, 'client')) {
    const { module, keepCode } = loadBundle<typeof import('./client.ts')>(root, 'client');
    process.once('exit', keepCode);
    return module.runClient(argv);
  }
  const main = ['src/main.js', 'src/main.ts'].map((path) => join(root, path)).find((path) => existsSync(path));
  if (main !== undefined) await import(pathToFileURL(main).href);
  return undefined;
}

endWith(run(process.argv.slice(2)));
