/**
 * The program's entry: picks daemon or client and loads only what that needs, because a client command is over before a daemon
 * would have loaded.
 */

import { join } from 'node:path';
import { holdSignals } from './app/signals.ts';
import { loadClient, loadDaemon } from './bundled.ts';

/** Exit code of a fault of the program itself. */
const FAULT = 70;
const root = join(import.meta.dirname, '..');

async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  const signals = command === 'serve' ? holdSignals() : undefined;
  switch (command) {
    case '--json':
      return (await import('./sboxmgr/json-door/main.ts')).runJsonDoor();
    case 'serve':
    case 'doctor':
      if (rest.includes('--help') || rest.includes('-h')) break;
      if (signals === undefined) return (await loadDaemon(root)).runDoctor(rest);
      // Whatever is still open then is left behind.
      return process.exit(await (await loadDaemon(root)).runServe(rest, signals));
    case 'example-proxy':
      return (await import('../examples/proxy.ts')).runExampleProxy();
    default:
  }
  const { runCli, standardIo } = await loadClient(root);
  const code = await runCli(argv, standardIo());
  // A connection that is still being tried must not hold up the end of a command; what it said is waited for.
  const waiting = [process.stdout, process.stderr].filter((stream) => stream.writableLength > 0);
  await Promise.all(waiting.map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))));
  process.exit(code);
}

run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`sboxagent: a fault of the program: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = FAULT;
  },
);
