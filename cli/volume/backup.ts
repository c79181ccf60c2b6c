import { randomUUID } from 'node:crypto';
import type { Engine } from '#shared/model/backup.ts';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import { bucketOf, type BucketFlags } from '../backup/bucket-options.ts';
import { cutOf, type CutFlags } from '../backup/cut-options.ts';
import type { Context } from '../context.ts';
import { follow } from '../operation/follow.ts';
import type { WaitFlags } from '../operation/options.ts';
import { printResult } from '../render/result.ts';

interface BackupFlags extends WaitFlags, CutFlags, BucketFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly engine?: string | undefined;
  readonly output?: string | undefined;
  readonly overwrite?: true | undefined;
  readonly host?: string | undefined;
}

/** With a file: the volume's files, see `backupToFile`. Else waits by default on a terminal only: from cron or a pipeline it answers once the backup has begun. */
export async function backupVolume(context: Context, flags: BackupFlags): Promise<void> {
  const { api, namespace, world } = context;
  const name = oneName(flags.positional, flags.name);
  if (flags.output !== undefined) {
    const { backupToFile } = await import('./backup-to-file.ts');
    return backupToFile(context, name, { ...flags, output: flags.output });
  }
  const body = {
    ...cutOf(flags),
    ...given('description', flags.description),
    ...given('engine', flags.engine as Engine | undefined),
    ...given('host', flags.host),
    ...given('repository', bucketOf(flags)),
  };
  const headers = { 'idempotency-key': randomUUID() };
  const begun = (await api.call('createBackup', { params: { namespace, name }, body, headers })).body;
  if (!(flags.wait ?? world.terminal.asks)) {
    const next = `Wait for it with: hivemind operation wait ${begun.id}`;
    return printResult(context, begun, `Backup ${begun.backup} of ${name} has begun. ${next}`);
  }
  const operation = await follow(context, begun, flags.timeout);
  const params = { namespace, backup: operation.backup ?? '' };
  const backup = (await api.call('getBackup', { params })).body;
  printResult(context, backup, `Backup ${backup.id} of ${name} is complete.`);
}
