import { Option, type Command } from '@commander-js/extra-typings';

/** Adds --wait, --no-wait and --timeout to a command that begins long work. */
export function withWaiting<
  A extends unknown[],
  O extends Record<string, unknown>,
  G extends Record<string, unknown>,
>(command: Command<A, O, G>) {
  return command
    .addOption(new Option('--wait', 'wait until it is done (the default)').helpGroup('Waiting:'))
    .addOption(new Option('--no-wait', 'return as soon as it is accepted').helpGroup('Waiting:'))
    .addOption(
      new Option('--timeout <duration>', 'wait at most this long, such as 90s, 10m (default: 15m)').helpGroup(
        'Waiting:',
      ),
    );
}

/** What {@link withWaiting} adds. */
export interface WaitFlags {
  readonly wait?: boolean | undefined;
  readonly timeout?: string | undefined;
}
