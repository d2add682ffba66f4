import { type CommandSpec, commonFlags, type FlagSpec } from '../command-spec.ts';
import { commands } from '../command-table.ts';

export interface FlagWords {
  readonly short: string | undefined;
  readonly long: string | undefined;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  readonly spec: FlagSpec;
}

/** `-n, --lines <count>` taken apart. */
export function flagWords(spec: FlagSpec): FlagWords {
  return {
    short: /(?:^|\s)-([a-zA-Z])\b/.exec(spec.flags)?.[1],
    long: /--([a-z-]+)/.exec(spec.flags)?.[1],
    takesValue: spec.flags.includes('<'),
    spec,
  };
}

/** A command as a line names it: `token create`. */
export interface CommandWords {
  readonly path: string;
  readonly spec: CommandSpec;
  readonly flags: readonly FlagWords[];
}

/** All commands and subcommands with every flag that each takes. */
export function allCommands(specs: readonly CommandSpec[] = commands, prefix = ''): readonly CommandWords[] {
  return specs.flatMap((spec) => {
    const path = `${prefix}${spec.name}`;
    const flags = [...(spec.flags ?? []), ...commonFlags, { flags: '-h, --help', summary: 'show what the command takes' }].map(flagWords);
    return [{ path, spec, flags }, ...allCommands(spec.subcommands ?? [], `${path} `)];
  });
}

export function optionList(flags: readonly FlagWords[]): string {
  return flags
    .flatMap(({ short, long }) => [...(short === undefined ? [] : [`-${short}`]), ...(long === undefined ? [] : [`--${long}`])])
    .join(' ');
}

/** Lists the ids of processes for a shell: quick, silent, and empty where no agent answers. */
export const listIds = "sboxagent ps --timeout 2s 2>/dev/null | awk 'NR > 1 { print $1 }'";
