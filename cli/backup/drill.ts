import { randomUUID } from 'node:crypto';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { given } from '../api/pages.ts';
import { follow } from '../operation/follow.ts';
import type { WaitFlags } from '../operation/options.ts';
import { drillText } from '../render/backup.ts';
import { printResult } from '../render/result.ts';
import type { IdFlags } from './inspect.ts';

interface DrillFlags extends WaitFlags, IdFlags {
  readonly check?: string | undefined;
  readonly checkTimeout?: number | undefined;
  readonly host?: string | undefined;
}

/** Proves that a backup restores; with `--wait` the answer is the backup with what was found. */
export async function drillBackup(context: Context, flags: DrillFlags): Promise<void> {
  const { api, namespace } = context;
  const id = oneName(flags.positional, flags.id, 'id');
  const params = { namespace, backup: id };
  const check =
    flags.check === undefined
      ? undefined
      : { command: flags.check, ...given('timeoutSeconds', flags.checkTimeout) };
  const { body } = await api.call('drillBackup', {
    params,
    body: { ...given('check', check), ...given('host', flags.host) },
    headers: { 'idempotency-key': randomUUID() },
  });
  if (flags.wait === false)
    return printResult(context, body, `Begun. Wait for it with: hivemind operation wait ${body.id}`);
  await follow(context, body, flags.timeout);
  const backup = (await api.call('getBackup', { params })).body;
  printResult(
    context,
    backup,
    `Backup ${id} of ${backup.volume}: ${drillText(backup) ?? 'no drill is known'}`,
  );
}
