/** For bash 3.2 (macOS) and later, which splits words at `=` and `:`. Evaluates no typed text. */
export const BASH = `# bash completion for cleanup-action
_cleanup_action() {
  local current="\${COMP_WORDS[COMP_CWORD]}" answer value
  [ "$current" = "=" ] && current=""
  COMPREPLY=()
  answer="$(cleanup-action complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" || return
  while IFS=$'\\t' read -r value _; do
    case "$value" in
      :0) [ \${#COMPREPLY[@]} -eq 0 ] && compopt -o default -o filenames 2>/dev/null ;;
      :*) ;;
      "$current"*) COMPREPLY+=("$value") ;;
    esac
  done <<< "$answer"
}
complete -F _cleanup_action cleanup-action
`;
