import { Command, CommanderError, Option } from 'commander';
import { type CommandSpec, commonFlags, type FlagSpec, type Flags } from './command-spec.ts';
import { commands } from './command-table.ts';
import { commonOptions } from './common-options.ts';
import { EXIT, Failure } from './failure.ts';
import type { Io } from './io.ts';

function optionOf({ flags, summary, values }: FlagSpec): Option {
  const option = new Option(flags, summary);
  return values === undefined ? option : option.choices([...values]);
}

interface Build {
  readonly io: Io;
  /** Takes the exit code of the command that ran. */
  readonly done: (code: number) => void;
}

function addCommand(parent: Command, spec: CommandSpec, build: Build): void {
  const command = parent.command(spec.args === undefined ? spec.name : `${spec.name} ${spec.args}`).description(spec.summary);
  for (const flag of spec.flags ?? []) command.addOption(optionOf(flag));
  for (const sub of spec.subcommands ?? []) addCommand(command, sub, build);
  const { load } = spec;
  if (load === undefined && spec.subcommands !== undefined) return;
  command.action(async () => {
    // The daemon's commands are picked by their first word, before this parser is loaded.
    if (load === undefined) throw new Failure(EXIT.usage, `${spec.name} comes first: \`sboxagent ${spec.name} [options]\``);
    const handler = await load();
    const flags: Flags = command.optsWithGlobals();
    build.done(await handler({ io: build.io, options: commonOptions(flags) }, command.args, flags));
  });
}

/** The commands that a line can mean: the one that it begins with, or, where it begins with another word, all, for help and suggestions. */
function commandsFor(argv: readonly string[]): readonly CommandSpec[] {
  const named = commands.filter(({ name }) => name === argv[0]);
  return named.length > 0 ? named : commands;
}

function createProgram(argv: readonly string[], build: Build): Command {
  const { stdout } = build.io;
  const program = new Command('sboxagent')
    .description('Runs beside proxy engines and keeps them alive, correct and visible: the daemon and its client.')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: () => {} })
    .helpCommand(false)
    .exitOverride();
  for (const flag of commonFlags) program.addOption(optionOf(flag));
  program.option('--version', 'show the version');
  // Subcommands copy the settings above when they are made.
  for (const spec of commandsFor(argv)) addCommand(program, spec, build);
  program.addHelpText(
    'after',
    '\nsboxagent --json answers one JSON request on stdin, for sboxmgr (docs/sboxmgr.md).\nExit codes: 0 done, 1 refused by the agent, 2 bad usage, 3 agent unreachable.',
  );
  return program;
}

/** A refusal of the parser as ours: what is wrong, then a hint. */
function usageFailure(error: CommanderError, argv: readonly string[]): Failure {
  if (error.code === 'commander.help') return new Failure(EXIT.usage, 'a command is missing', { remedy: hint(argv) });
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  return new Failure(EXIT.usage, message, {
    remedy: suggestion === undefined ? hint(argv) : `${suggestion.replace(/[()]/g, '')} ${hint(argv)}`,
  });
}

function hint(argv: readonly string[]): string {
  const known = commands.find(({ name }) => name === argv.find((word) => !word.startsWith('-')));
  return `See \`sboxagent ${known === undefined ? '' : `${known.name} `}--help\`.`;
}

/** Reads the command line and runs the command it names. Answers the exit code; throws Failure. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.done;
  const program = createProgram(argv, {
    io,
    done: (result) => {
      code = result;
    },
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageFailure(error, argv);
  }
  return code;
}
