import type { Backup, BackupKind, BackupOrigin, BackupState } from '#shared/model/backup.ts';
import { everyPage, given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { backupColumns } from '../render/backup.ts';
import { printList } from '../render/list.ts';

interface ListFlags {
  readonly volume?: string | undefined;
  readonly state?: string | undefined;
  readonly kind?: string | undefined;
  readonly origin?: string | undefined;
  readonly quiet?: true | undefined;
}

export async function listBackups(context: Context, flags: ListFlags): Promise<void> {
  await printList(context, await readAll(context, flags), {
    quiet: flags.quiet === true ? ({ id }) => id : undefined,
    columns: backupColumns(context.world.now()),
  });
}

async function readAll({ api, namespace }: Context, flags: ListFlags): Promise<Backup[]> {
  return everyPage(async (cursor) => {
    const query = {
      ...given('volume', flags.volume),
      // The API names what is allowed when one of these is not.
      ...given('state', flags.state as BackupState | undefined),
      ...given('kind', flags.kind as BackupKind | undefined),
      ...given('origin', flags.origin as BackupOrigin | undefined),
      ...given('cursor', cursor),
      limit: 1000,
    };
    return (await api.call('listBackups', { params: { namespace }, query })).body;
  });
}
