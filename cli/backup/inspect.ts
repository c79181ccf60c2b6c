import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { backupDetails } from '../render/backup.ts';
import { printResult } from '../render/result.ts';

export interface IdFlags {
  readonly positional?: string | undefined;
  readonly id?: string | undefined;
}

export async function inspectBackup(context: Context, flags: IdFlags): Promise<void> {
  const params = { namespace: context.namespace, backup: oneName(flags.positional, flags.id, 'id') };
  const backup = (await context.api.call('getBackup', { params })).body;
  printResult(context, backup, backupDetails(backup, context.world.now()));
}
