import { commands } from '../command-table.ts';
import { allCommands, type CommandWords, type FlagWords, listIds } from './words.ts';

/** Text inside a single-quoted _arguments or _describe entry. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&');
}

function valueAction({ spec }: FlagWords): string {
  if (spec.values !== undefined) return `:value:(${spec.values.join(' ')})`;
  if (spec.completes === 'file') return ':file:_files';
  return spec.completes === 'directory' ? ':directory:_files -/' : ':value: ';
}

function flagArgument(flag: FlagWords): string {
  const names = [flag.short === undefined ? [] : [`-${flag.short}`], flag.long === undefined ? [] : [`--${flag.long}`]].flat();
  const value = flag.takesValue ? valueAction(flag) : '';
  const tail = `[${quoted(flag.spec.summary)}]${value}`;
  return names.length === 1 ? `'${names[0]}${tail}'` : `'(${names.join(' ')})'{${names.join(',')}}'${tail}'`;
}

function positional({ spec }: CommandWords): string {
  if (spec.completes?.[0] === 'process') return " '1:process:_sboxagent_ids'";
  return typeof spec.completes?.[0] === 'object' ? ` '1:word:(${spec.completes[0].join(' ')})'` : '';
}

function describe(name: string, entries: readonly { name: string; summary: string }[]): string {
  return `_values '${name}' ${entries.map((entry) => `'${entry.name}[${quoted(entry.summary)}]'`).join(' ')}`;
}

function commandCase(command: CommandWords): string {
  const { path, spec } = command;
  if (spec.subcommands !== undefined) return `    '${path}') ${describe(path, spec.subcommands)} ;;`;
  return `    '${path}') _arguments -s ${command.flags.map(flagArgument).join(' ')}${positional(command)} ;;`;
}

export function zshScript(): string {
  const groups = commands.filter(({ subcommands }) => subcommands !== undefined).map(({ name }) => name);
  return `#compdef sboxagent
# zsh completion for sboxagent: put it into a directory of $fpath as _sboxagent, or: source <(sboxagent completion zsh)
_sboxagent_ids() {
  local -a ids
  ids=(\${(f)"$(${listIds})"})
  compadd -a ids
}
_sboxagent() {
  local path_words=''
  if (( CURRENT == 2 )); then
    ${describe('command', commands)}
    return
  fi
  path_words=$words[2]
  shift words
  (( CURRENT-- ))
  case $path_words in
    ${groups.join('|')})
      if (( CURRENT > 2 )); then
        path_words="$path_words $words[2]"
        shift words
        (( CURRENT-- ))
      fi
      ;;
  esac
  case $path_words in
${allCommands().map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _sboxagent ]]; then _sboxagent "$@"; else compdef _sboxagent sboxagent; fi
`;
}
