const bash = `# bash completion for warren
_warren() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line kind
  COMPREPLY=()
  while IFS=$'\\t' read -r kind line _; do
    case "$kind" in
      word) COMPREPLY+=("$line") ;;
      file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames ;;
      directory) mapfile -t COMPREPLY < <(compgen -d -- "$current"); compopt -o filenames ;;
    esac
  done < <(warren __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _warren warren
`;

const zsh = `#compdef warren
_warren() {
  local kind text help
  local -a items
  while IFS=$'\\t' read -r kind text help; do
    case "$kind" in
      word) items+=("\${text//:/\\\\:}:$help") ;;
      file) _files; return ;;
      directory) _files -/; return ;;
    esac
  done < <(warren __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe 'warren' items
}
if [ "$funcstack[1]" = "_warren" ]; then
  _warren "$@"
else
  compdef _warren warren
fi
`;

const fish = `# fish completion for warren
function __warren_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (warren __complete -- $words[2..-1] 2>/dev/null)
        set -l parts (string split \\t -- $line)
        switch $parts[1]
            case word
                printf '%s\\t%s\\n' $parts[2] $parts[3]
            case file
                __fish_complete_path (commandline -ct)
            case directory
                __fish_complete_directories (commandline -ct)
        end
    end
end
complete -c warren -f -a '(__warren_complete)'
`;

/** The script that a shell sources. It asks `warren __complete` what may stand at the cursor. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish'): string {
  return { bash, zsh, fish }[shell];
}
