/**
 * The daemon as a program: bin/sboxagent starts it from the daemon's bundle, so that a start loads nothing but that. What is written runs: a
 * bundle that is older than a source leaves the start to the sources, as it does what is no start.
 */
import { fileURLToPath } from 'node:url';
import { holdSignals } from './app/signals.ts';
import { isFresh, loadBundle, runSources } from './bundled.ts';
import { endWith } from './ending.ts';
import { bootThread } from './store/boot-thread.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

async function run([, ...rest]: readonly string[]): Promise<undefined> {
  const signals = holdSignals();
  if (rest.includes('--help') || rest.includes('-h') || !isFresh(root, 'daemon')) return runSources(root);
  // It boots while what knows what to tell it is loaded.
  const writer = bootThread('writer');
  const { module, keepCode } = loadBundle<typeof import('./app/main.ts')>(root, 'daemon');
  // Whatever is still open then is left behind.
  return process.exit(await module.runServe(rest, { signals, keepCode, writer }));
}

endWith(run(process.argv.slice(2)));
