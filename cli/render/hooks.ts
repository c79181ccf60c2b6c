import type { BackupHooks } from '#shared/model/consistency.ts';

/** The commands around a cut, in a line. */
export function hooksText(hooks: BackupHooks | undefined): string | undefined {
  if (hooks === undefined) return undefined;
  const { before, after, container, timeoutSeconds, onError } = hooks;
  const commands = [
    ...(before === undefined ? [] : [`before ${JSON.stringify(before)}`]),
    ...(after === undefined ? [] : [`after ${JSON.stringify(after)}`]),
  ];
  const where = container === undefined ? '' : ` in ${container}`;
  return `${commands.join(', ')}${where}; ${timeoutSeconds} s each, on error ${onError}`;
}
