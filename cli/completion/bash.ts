/**
 * The script for bash. Our own, as the library's hands the words of the line to `eval` (Tab after `$(…)` would run it),
 * and needs the package bash-completion, which servers often lack.
 */
export const bashScript = String.raw`# bash completion for hivemind; load it with: source <(hivemind completion bash)
__hivemind_complete() {
  local cur=${'${COMP_WORDS[COMP_CWORD]}'} candidate word
  local -a words=()
  # bash splits --flag=value into three words: one again.
  for word in "${'${COMP_WORDS[@]:1:COMP_CWORD}'}"; do
    if [[ ${'${#words[@]}'} -gt 0 && ( $word == = || ${'${words[-1]}'} == --*= ) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  [[ $cur == = ]] && cur=
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    [[ $candidate != :* && $candidate == "$cur"* ]] && COMPREPLY+=("$candidate")
  done < <(hivemind complete -- "${'${words[@]}'}" 2>/dev/null)
}
complete -F __hivemind_complete hivemind
`;
