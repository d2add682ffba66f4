/**
 * What each shell needs to ask `sboxagent __complete` for the word that is being typed: all that is known of commands, flags and ids stays
 * in the program, so that a script that was installed once fits every later version.
 */

/** Bash takes `key=value` for three words, and replaces the last of them alone. */
export const bashScript = `# bash completion for sboxagent: source <(sboxagent completion bash)
_sboxagent() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words=() line i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} == = || ( $i -gt 1 && \${COMP_WORDS[i - 1]} == = ) ]] && ((\${#words[@]} > 0)); then
      words[\${#words[@]} - 1]+=\${COMP_WORDS[i]}
    else
      words+=("\${COMP_WORDS[i]}")
    fi
  done
  local last=\${words[\${#words[@]} - 1]} before=
  [[ $cur == = ]] && cur=
  [[ $last == *=* && $last != "$cur" ]] && before=\${last%"$cur"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
    :files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    :directories) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    esac
    line=\${line%%$'\\t'*}
    [[ $line == *= ]] && compopt -o nospace
    COMPREPLY+=("\${line#"$before"}")
  done < <("\${COMP_WORDS[0]}" __complete "\${words[@]}" 2>/dev/null)
}
complete -F _sboxagent sboxagent
`;

export const zshScript = `#compdef sboxagent
# zsh completion for sboxagent: put it into a directory of $fpath as _sboxagent, or: source <(sboxagent completion zsh)
_sboxagent() {
  local -a lines plain open
  local line entry
  lines=("\${(@f)$($words[1] __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case $lines[1] in
    :files) _files; return ;;
    :directories) _files -/; return ;;
  esac
  for line in $lines; do
    entry=\${\${line%%$'\\t'*}//:/\\\\:}
    [[ $line == *$'\\t'* ]] && entry+=:\${line#*$'\\t'}
    if [[ \${line%%$'\\t'*} == *= ]]; then open+=("$entry"); else plain+=("$entry"); fi
  done
  (( $#plain )) && _describe -V sboxagent plain
  (( $#open )) && _describe -V sboxagent open -S ''
  return 0
}
if [[ $funcstack[1] == _sboxagent ]]; then _sboxagent "$@"; else compdef _sboxagent sboxagent; fi
`;

export const fishScript = `# fish completion for sboxagent: sboxagent completion fish | source
function __sboxagent_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
  switch "$lines[1]"
    case ':files'
      __fish_complete_path $current
    case ':directories'
      __fish_complete_directories $current
    case '*'
      printf '%s\\n' $lines
  end
end
complete -c sboxagent -f -a '(__sboxagent_complete)'
`;
