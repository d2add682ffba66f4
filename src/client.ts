/**
 * The client as a program. bin/sboxagent starts the client's bundle with it, so that a command loads nothing but the client; src/main.ts has it
 * where the sources are run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isFresh } from './bundled.ts';
import { runCli, standardIo } from './cli/index.ts';
import { endWith } from './ending.ts';

/** Runs a client command and ends the program. */
export async function runClient(argv: readonly string[]): Promise<never> {
  const io = standardIo();
  const code = await runCli(argv, io);
  // A connection that is still being tried must not hold up the end of a command; what it said is waited for.
  await io.flushed();
  process.exit(code);
}

/** What is written runs: a bundle that is older than a source of the client leaves the command to the sources. */
async function runBundled(argv: readonly string[]): Promise<undefined> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  if (isFresh(root, 'client')) return runClient(argv);
  const main = ['src/main.js', 'src/main.ts'].map((path) => join(root, path)).find((path) => existsSync(path));
  if (main !== undefined) await import(pathToFileURL(main).href);
  return undefined;
}

if (import.meta.main) endWith(runBundled(process.argv.slice(2)));
