/**
 * The client: the commands that talk to a running agent over the independent stack (gen/ts, grpc-js), and those that work on its
 * state directory.
 *
 * Invariants: exit codes are 0 done, 1 refused by the agent, 2 bad usage, 3 agent unreachable; a command that fails writes nothing to
 * stdout and one message with its remedy to stderr; what a server says never drives the terminal; no command loads more than it needs.
 *
 * Imported by the program's entry only. Imports kernel, settings, access, gen/ts, grpc-js, proto-loader, commander, yaml.
 */
import { complaint } from './complaint.ts';
import { Failure } from './failure.ts';
import type { Io } from './io.ts';

export { type Io, standardIo } from './io.ts';

/** Runs a client command. Answers the exit code; throws only on a fault of its own. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    // A Tab key is answered without the parser, which takes longer to load than to answer.
    if (argv[0] === '__complete') return await (await import('./completion/complete.ts')).complete(argv.slice(1), io);
    return await (await import('./program.ts')).runProgram(plainArguments(argv), io);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    io.stderr.write(complaint(error));
    return error.exitCode;
  }
}

/** Spellings that people try first. */
function plainArguments(argv: readonly string[]): readonly string[] {
  if (argv.length === 0 || (argv.length === 1 && argv[0] === 'help')) return ['--help'];
  return argv[0] === '--version' ? ['version', ...argv.slice(1)] : argv;
}
