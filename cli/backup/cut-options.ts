import { Option, type Command } from '@commander-js/extra-typings';
import type { BackupHooks, Consistency } from '#shared/model/consistency.ts';
import { ProductError } from '#shared/model/errors.ts';
import { given } from '../api/pages.ts';
import { parseDuration } from '../arguments.ts';

const group = 'Consistency:';

/** Adds what says how a backup is cut. */
export function withCut<
  A extends unknown[],
  O extends Record<string, unknown>,
  G extends Record<string, unknown>,
>(command: Command<A, O, G>) {
  const option = <F extends string>(flags: F, text: string): Option<F> =>
    new Option(flags, text).helpGroup(group) as Option<F>;
  return command
    .addOption(
      option(
        '--consistency <how>',
        'none, freeze (the default for a mounted local volume) or hooks: commands around the freeze',
      ),
    )
    .addOption(
      option(
        '--pre-hook <command>',
        'run in the container before the freeze: text for sh -c, or a JSON array of program and arguments',
      ),
    )
    .addOption(option('--post-hook <command>', 'run in the container after the thaw, whatever came of it'))
    .addOption(option('--hook-timeout <duration>', 'how long each may take (default: 30s)'))
    .addOption(
      option('--hook-on-error <policy>', 'fail: no backup (the default); continue: a line in its report'),
    )
    .addOption(
      option('--hook-container <name>', 'which container; default: the only one that uses the volume'),
    );
}

/** What {@link withCut} adds. */
export interface CutFlags {
  readonly consistency?: string | undefined;
  readonly preHook?: string | undefined;
  readonly postHook?: string | undefined;
  readonly hookTimeout?: string | undefined;
  readonly hookOnError?: string | undefined;
  readonly hookContainer?: string | undefined;
}

/** As the API takes it; what is not given is left out. @throws ProductError InvalidInput for settings of hooks without a hook */
export function cutOf(flags: CutFlags): { consistency?: Consistency; hooks?: BackupHooks } {
  return {
    // The API names the consistencies when this is none of them.
    ...given('consistency', flags.consistency as Consistency | undefined),
    ...given('hooks', hooksOf(flags)),
  };
}

function hooksOf(flags: CutFlags): BackupHooks | undefined {
  const { preHook, postHook, hookTimeout, hookOnError, hookContainer } = flags;
  if (preHook === undefined && postHook === undefined) {
    const lone = hookTimeout ?? hookOnError ?? hookContainer;
    if (lone === undefined) return undefined;
    throw new ProductError('InvalidInput', 'Settings of hooks are given, and no hook.', {
      value: lone,
      allowed: '--pre-hook, --post-hook or both',
    });
  }
  return {
    ...(preHook === undefined ? {} : { before: commandOf(preHook) }),
    ...(postHook === undefined ? {} : { after: commandOf(postHook) }),
    ...given('container', hookContainer),
    timeoutSeconds: hookTimeout === undefined ? 30 : Math.ceil(parseDuration(hookTimeout) / 1000),
    // The API says what is allowed.
    onError: (hookOnError ?? 'fail') as BackupHooks['onError'],
  };
}

function commandOf(text: string): string[] {
  if (!text.trimStart().startsWith('[')) return ['sh', '-c', text];
  const words = parseJson(text);
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw new ProductError('InvalidInput', 'The hook is no JSON array of texts.', {
    value: text.slice(0, 256),
    allowed: '["pg_ctl", "stop"], or a text for sh -c that does not begin with "["',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
