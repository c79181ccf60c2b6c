import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { printResult } from '../render/result.ts';
import type { IdFlags } from './inspect.ts';

export async function holdBackup(
  context: Context,
  flags: IdFlags & { readonly reason?: string | undefined },
): Promise<void> {
  const id = oneName(flags.positional, flags.id, 'id');
  const params = { namespace: context.namespace, backup: id };
  const body = { reason: flags.reason ?? '' };
  const backup = (await context.api.call('holdBackup', { params, body })).body;
  printResult(context, backup, `Backup ${id} of ${backup.volume} is under a hold.`);
}

export async function releaseBackup(context: Context, flags: IdFlags): Promise<void> {
  const id = oneName(flags.positional, flags.id, 'id');
  const params = { namespace: context.namespace, backup: id };
  const backup = (await context.api.call('releaseBackup', { params })).body;
  printResult(context, backup, `Backup ${id} of ${backup.volume} is under no hold any more.`);
}
