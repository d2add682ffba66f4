import { commands } from '../command-table.ts';
import { allCommands, type CommandWords, type FlagWords, listIds, optionList } from './words.ts';

function valueWords({ spec }: FlagWords): string {
  if (spec.values !== undefined) return `compgen -W '${spec.values.join(' ')}' -- "$cur"`;
  if (spec.completes === 'file') return 'compgen -f -- "$cur"';
  if (spec.completes === 'directory') return 'compgen -d -- "$cur"';
  return ':';
}

/** One case for each flag that takes a value; the same flag means the same everywhere. */
function valueCases(all: readonly CommandWords[]): string {
  const cases = new Map<string, string>();
  for (const flag of all.flatMap(({ flags }) => flags).filter(({ takesValue }) => takesValue)) {
    cases.set(optionList([flag]).replace(' ', '|'), valueWords(flag));
  }
  return [...cases].map(([names, words]) => `    ${names}) COMPREPLY=($(${words})); return ;;`).join('\n');
}

function argumentWords({ spec }: CommandWords): string {
  if (spec.subcommands !== undefined) return spec.subcommands.map(({ name }) => name).join(' ');
  if (spec.completes?.[0] === 'process') return `$(${listIds})`;
  return typeof spec.completes?.[0] === 'object' ? spec.completes[0].join(' ') : '';
}

function commandCase(command: CommandWords): string {
  return `    '${command.path}') options='${optionList(command.flags)}'; words="${argumentWords(command)}" ;;`;
}

export function bashScript(): string {
  const all = allCommands();
  const groups = commands.filter(({ subcommands }) => subcommands !== undefined).map(({ name }) => name);
  return `# bash completion for sboxagent: source <(sboxagent completion bash)
_sboxagent() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= word= options= words= i
  COMPREPLY=()
  case $prev in
${valueCases(all)}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
    -*) continue ;;
    esac
    case $path in
    '') path=$word ;;
    ${groups.join('|')}) path="$path $word" ;;
    esac
  done
  case $path in
    '') options='--help --version'; words='${commands.map(({ name }) => name).join(' ')}' ;;
${all.map(commandCase).join('\n')}
  esac
  if [[ $cur == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _sboxagent sboxagent
`;
}
