import { Argument, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { examples, group } from '../command.ts';
import type { World } from '../world.ts';

/** `completion` prints a shell's script; that script calls the hidden `complete`. */
export function completionCommands(world: World, program: CommandUnknownOpts) {
  const completion = group('completion', 'Print a completion script for your shell')
    .addArgument(
      new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish', 'powershell'] as const),
    )
    .addHelpText(
      'after',
      examples(
        'source <(hivemind completion bash)',
        'source <(hivemind completion zsh)',
        'hivemind completion fish | source',
      ),
    )
    .action(async (shell) => (await import('./complete.ts')).printScript(world, shell));
  const complete = group('complete', 'Answer the completion script')
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words) => (await import('./complete.ts')).complete(world, program, words));
  return [completion, complete];
}
