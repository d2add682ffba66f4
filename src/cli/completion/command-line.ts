import { type CommandSpec, type Completion, commonFlags, type FlagSpec, type Flags } from '../command-spec.ts';
import { commands } from '../command-table.ts';

/** A flag with its spellings: `-n, --lines <count>`. */
export interface Flag {
  readonly spellings: readonly string[];
  /** As commander names it: `tokenFile`. */
  readonly name: string;
  readonly takesValue: boolean;
  readonly spec: FlagSpec;
}

function flagOf(spec: FlagSpec): Flag {
  const spellings = spec.flags.match(/(?<![\w-])--?[a-zA-Z][\w-]*/g) ?? [];
  const long = (spellings.at(-1) ?? '').replace(/^-+/, '');
  const name = long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { spellings, name, takesValue: /[<[]/.test(spec.flags), spec };
}

/** A command line up to the word that is being typed. */
export interface CommandLine {
  /** Undefined before the first word of a command; a group of commands while its subcommand is missing. */
  readonly command: CommandSpec | undefined;
  /** The commands that may come now. */
  readonly next: readonly CommandSpec[];
  readonly args: readonly string[];
  readonly flags: readonly Flag[];
  readonly given: Flags;
  /** The flag whose value is being typed. */
  readonly open: Flag | undefined;
}

const helpFlag: FlagSpec = { flags: '-h, --help', summary: 'show what it takes' };

function flagsOf(command: CommandSpec | undefined): Flag[] {
  return [...(command?.flags ?? []), ...commonFlags, helpFlag].map(flagOf);
}

/** Reads the words before the one that is being typed as the parser would, but refuses nothing. */
export function readCommandLine(words: readonly string[]): CommandLine {
  let [command, next]: [CommandSpec | undefined, readonly CommandSpec[]] = [undefined, commands];
  let open: Flag | undefined;
  const args: string[] = [];
  const given: Record<string, string | boolean> = {};
  for (const word of words) {
    if (open !== undefined) {
      given[open.name] = word;
      open = undefined;
      continue;
    }
    if (word.startsWith('-') && word !== '-') {
      const [spelling = '', value] = word.split(/=(.*)/s);
      const flag = flagsOf(command).find(({ spellings }) => spellings.includes(spelling));
      if (flag?.takesValue === true && value === undefined) open = flag;
      else if (flag !== undefined) given[flag.name] = value ?? true;
      continue;
    }
    const named = next.find(({ name }) => name === word);
    if (named === undefined) {
      args.push(word);
      continue;
    }
    command = named;
    next = named.subcommands ?? [];
  }
  return { command, next, args, flags: flagsOf(command), given, open };
}

/** What completes the argument that is being typed. */
export function completionOf({ command, args }: CommandLine): Completion | undefined {
  const all = command?.completes ?? [];
  if (args.length < all.length) return all[args.length];
  return command?.args?.includes('...') === true ? all.at(-1) : undefined;
}
