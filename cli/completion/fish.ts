/** The script for fish: short, and with the same answers as the others. */
export const fishScript = String.raw`# fish completion for hivemind; load it with: hivemind completion fish | source
function __hivemind_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --cut-at-cursor --current-token)
    # Of --flag=value the backend names values; fish compares whole words.
    set -l flag (string match --regex -- '^--[^=]*=' "$current")
    hivemind complete -- $words[2..-1] "$current" 2>/dev/null | string match --invert -- ':*' | string replace --regex -- '^' "$flag"
end
complete --command hivemind --no-files --arguments '(__hivemind_complete)'
`;
