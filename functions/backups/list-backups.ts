import type * as z from 'zod';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Backup } from '#shared/model/backup.ts';
import type { routes } from '#shared/model/routes.ts';
import { viewBackup } from '#shared/model/rules-backup.ts';
import { collectPage, type Page } from '#functions/volumes/collect-page.ts';
import { defaultPageSize } from '#functions/volumes/list-volumes.ts';
import type { Ports } from '#functions/volumes/ports.ts';

type Query = z.output<(typeof routes)['listBackups']['query']>;

/** One page of a namespace's backups, newest first. */
export async function listBackups(ports: Ports, namespace: string, query: Query): Promise<Page<Backup>> {
  const { table } = ports;
  return collectPage({
    pk: partitions.backups(namespace),
    reverse: true,
    limit: query.limit ?? defaultPageSize,
    cursor: query.cursor,
    list: (asked) => table.list('backupIndex', asked),
    sortKey: ({ backupId }) => backupId,
    show: async (rows) => {
      const wanted = rows.map(({ backupId }) => keys.backup(backupId));
      const found = await table.readMany('backup', wanted);
      const shown = new Map(found.map((backup) => [backup.id, viewBackup(backup)]));
      return rows.map(({ backupId }) => {
        const backup = shown.get(backupId);
        return backup !== undefined && matches(backup, query) ? backup : undefined;
      });
    },
  });
}

function matches(backup: Backup, { volume, state, kind, origin }: Query): boolean {
  return (
    (volume === undefined || backup.volume === volume || backup.volumeId === volume) &&
    (state === undefined || backup.state === state) &&
    (kind === undefined || backup.kind === kind) &&
    (origin === undefined || backup.origin === origin)
  );
}
