/**
 * The script for zsh. Our own, as the library's splits the words of the line anew and hands them to `eval`. It may be
 * sourced, or lie on fpath under the name `_hivemind`.
 */
export const zshScript = `#compdef hivemind
# zsh completion for hivemind; load it with: source <(hivemind completion zsh)
_hivemind() {
  local line candidate
  local -a candidates
  while IFS= read -r line; do
    [[ $line == :* ]] && continue
    # _describe wants "candidate:description", the candidate's own colons escaped.
    candidate=\${line%%$'\\t'*}
    candidate=\${candidate//:/\\\\:}
    [[ $line == *$'\\t'?* ]] && candidate+=:\${line#*$'\\t'}
    candidates+=("$candidate")
  done < <(hivemind complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  # Of --flag=value the value alone is completed.
  [[ $PREFIX == --*=* ]] && compset -P '*='
  _describe hivemind candidates
}
if [[ \${funcstack[1]} == _hivemind ]]; then
  _hivemind "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _hivemind hivemind
fi
`;
