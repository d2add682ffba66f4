/**
 * The client as a program: bin/sboxagent starts it from the client's bundle, so that a command loads nothing but the client. What is written
 * runs: a bundle that is older than a source of the client leaves the command to the sources.
 */
import { fileURLToPath } from 'node:url';
import { isFresh, loadBundle, runSources } from './bundled.ts';
import { endWith } from './ending.ts';

async function run(argv: readonly string[]): Promise<undefined> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  if (isFresh(root, 'client')) {
    const { module, keepCode } = loadBundle<typeof import('./client.ts')>(root, 'client');
    process.once('exit', keepCode);
    return module.runClient(argv);
  }
  return runSources(root);
}

endWith(run(process.argv.slice(2)));
