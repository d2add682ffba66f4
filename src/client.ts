/** The client as a module: its bundle begins here, and src/main.ts takes it where the sources are run. */
import { runCli, standardIo } from './cli/index.ts';

/** Runs a client command and ends the program. */
export async function runClient(argv: readonly string[]): Promise<never> {
  const io = standardIo();
  const code = await runCli(argv, io);
  // A connection that is still being tried must not hold up the end of a command; what it said is waited for.
  await io.flushed();
  process.exit(code);
}
