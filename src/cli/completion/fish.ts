import { commands } from '../command-table.ts';
import { allCommands, type CommandWords, type FlagWords, listIds } from './words.ts';

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** When a completion applies: `token create` needs both words. */
function condition(path: string): string {
  return path
    .split(' ')
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join('; and ');
}

function flagLine(path: string, { short, long, takesValue, spec }: FlagWords): string {
  const parts = [`complete -c sboxagent -n ${quoted(condition(path))}`];
  if (short !== undefined) parts.push(`-s ${short}`);
  if (long !== undefined) parts.push(`-l ${long}`);
  if (takesValue) parts.push(spec.completes === 'file' ? '-r -F' : '-x');
  if (spec.values !== undefined) parts.push(`-a ${quoted(spec.values.join(' '))}`);
  if (spec.completes === 'directory') parts.push("-a '(__fish_complete_directories)'");
  return `${parts.join(' ')} -d ${quoted(spec.summary)}`;
}

function argumentLines({ path, spec }: CommandWords): readonly string[] {
  const when = `complete -c sboxagent -n ${quoted(condition(path))}`;
  if (spec.subcommands !== undefined) {
    const names = spec.subcommands.map(({ name }) => name).join(' ');
    const open = quoted(`${condition(path)}; and not __fish_seen_subcommand_from ${names}`);
    return spec.subcommands.map(({ name, summary }) => `complete -c sboxagent -n ${open} -a ${name} -d ${quoted(summary)}`);
  }
  if (spec.completes?.[0] === 'process') return [`${when} -a ${quoted(`(${listIds})`)}`];
  return typeof spec.completes?.[0] === 'object' ? [`${when} -a ${quoted(spec.completes[0].join(' '))}`] : [];
}

export function fishScript(): string {
  const first = commands.map(({ name, summary }) => `complete -c sboxagent -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
  const rest = allCommands().flatMap((command) => [
    ...argumentLines(command),
    ...(command.spec.subcommands === undefined ? command.flags.map((flag) => flagLine(command.path, flag)) : []),
  ]);
  return ['# fish completion for sboxagent: sboxagent completion fish | source', 'complete -c sboxagent -f', ...first, ...rest, ''].join(
    '\n',
  );
}
