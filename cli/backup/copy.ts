import { randomUUID } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import { oneName } from '../arguments.ts';
import { given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { follow } from '../operation/follow.ts';
import type { WaitFlags } from '../operation/options.ts';
import { printResult } from '../render/result.ts';
import type { IdFlags } from './inspect.ts';

interface CopyFlags extends WaitFlags, IdFlags {
  readonly region?: string | undefined;
  readonly description?: string | undefined;
}

/** Copies a backup to another Region; with `--wait` the answer is the copy. */
export async function copyBackup(context: Context, flags: CopyFlags): Promise<void> {
  const { api, namespace } = context;
  const id = oneName(flags.positional, flags.id, 'id');
  const { region } = flags;
  if (region === undefined)
    throw new ProductError('InvalidInput', 'Name the Region that the copy shall be in.', {
      allowed: '--region eu-west-1',
    });
  const { body } = await api.call('copyBackup', {
    params: { namespace, backup: id },
    body: { region, ...given('description', flags.description) },
    headers: { 'idempotency-key': randomUUID() },
  });
  if (flags.wait === false)
    return printResult(context, body, `Begun. Wait for it with: hivemind operation wait ${body.id}`);
  const { backup = '' } = await follow(context, body, flags.timeout);
  const copy = (await api.call('getBackup', { params: { namespace, backup } })).body;
  printResult(context, copy, `Backup ${id} of ${copy.volume} is copied to ${region}: ${copy.id}.`);
}
