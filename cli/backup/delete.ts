import { randomUUID } from 'node:crypto';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { follow } from '../operation/follow.ts';
import type { WaitFlags } from '../operation/options.ts';
import { printResult } from '../render/result.ts';
import { consent } from '../volume/consent.ts';
import type { IdFlags } from './inspect.ts';

interface DeleteFlags extends WaitFlags, IdFlags {
  readonly yes?: true | undefined;
}

export async function deleteBackup(context: Context, flags: DeleteFlags): Promise<void> {
  const id = oneName(flags.positional, flags.id, 'id');
  const question = `Remove the backup ${id}? What it holds is lost for good.`;
  await consent(context.world, { question, yes: flags.yes === true, needed: true });
  const params = { namespace: context.namespace, backup: id };
  const headers = { 'idempotency-key': randomUUID() };
  const { body } = await context.api.call('deleteBackup', { params, headers });
  if (flags.wait === false)
    return printResult(context, body, `Begun. Wait for it with: hivemind operation wait ${body.id}`);
  const operation = await follow(context, body, flags.timeout);
  printResult(context, operation, `Backup ${id} of ${operation.volume} is removed.`);
}
