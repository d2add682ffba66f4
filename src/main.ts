/**
 * The program's entry: picks daemon or client and loads only what that needs, because a client command is over before a daemon
 * would have loaded.
 */

import { join } from 'node:path';
import { holdSignals, type Signals } from './app/signals.ts';
import { loadClient, loadDaemon } from './bundled.ts';
import { endWith } from './ending.ts';

const root = join(import.meta.dirname, '..');

async function runDaemon(argv: readonly string[], signals: Signals | undefined): Promise<number> {
  const { module, keepCode } = await loadDaemon(root);
  if (signals === undefined) return module.runDoctor(argv);
  // Whatever is still open then is left behind.
  return process.exit(await module.runServe(argv, { signals, keepCode }));
}

async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  const signals = command === 'serve' ? holdSignals() : undefined;
  switch (command) {
    case '--json':
      return (await import('./sboxmgr/json-door/main.ts')).runJsonDoor();
    case 'serve':
    case 'doctor':
      if (rest.includes('--help') || rest.includes('-h')) break;
      return runDaemon(rest, signals);
    case 'example-proxy':
      return (await import('../examples/proxy.ts')).runExampleProxy();
    default:
  }
  return (await loadClient(root)).runClient(argv);
}

endWith(run(process.argv.slice(2)));
