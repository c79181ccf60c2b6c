import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { repositoryName } from '#shared/model/repository.ts';
import type { ChangeFacts } from '../change.ts';
import { minutes } from '../planner.ts';
import type { ArchiveFacts } from './archive.ts';

interface Ports {
  readonly table: Pick<Table, 'list' | 'readMany' | 'readHost' | 'listBackupsOf'>;
}

/** A host that has not reported for so long is not asked for anything. */
const freshFor = minutes(5);
/** Hosts of a namespace that are looked through. */
const hostsLooked = 200;

export async function lookAtArchive(
  { table }: Ports,
  { operation, now }: ChangeFacts,
  { backup, task }: { readonly backup: BackupItem | undefined; readonly task: TaskItem | undefined },
): Promise<ArchiveFacts> {
  const host = task === undefined ? undefined : await table.readHost(task.hostId);
  const { kind } = operation;
  if (backup === undefined || (kind !== 'drill' && kind !== 'deleteBackup'))
    return { host, candidates: [], siblings: true };
  if (kind === 'drill')
    return { host, candidates: await findHosts({ table }, backup, { now, draining: false }), siblings: true };
  const others = await table.listBackupsOf(backup.volumeId);
  return {
    host,
    candidates: await findHosts({ table }, backup, { now, draining: true }),
    siblings: others.some((other) => other.id !== backup.id && isIn(backup, other)),
  };
}

/** Whether another backup stands in the same repository. */
function isIn({ storage }: BackupItem, other: BackupItem): boolean {
  if (storage?.kind !== 'archive' || other.storage?.kind !== 'archive') return false;
  return repositoryName(storage.repository) === repositoryName(other.storage.repository);
}

/** Hosts of the namespace that run and reported lately; a repository needs nothing else of them. Those that are drained begin no drill. */
async function findHosts(
  { table }: Ports,
  { namespace }: BackupItem,
  { now, draining }: { readonly now: Date; readonly draining: boolean },
): Promise<string[]> {
  const { items } = await table.list('hostIndex', { pk: partitions.hosts(namespace), limit: hostsLooked });
  const ids = items.map(({ hostId }) => hostId);
  const hosts = await table.readMany('host', ids.map(keys.host));
  const seen = await table.readMany('seen', ids.map(keys.seen));
  const said = new Map(seen.map(({ hostId, at }) => [hostId, at]));
  const last = ({ id, lastSeenAt }: (typeof hosts)[number]): number =>
    Math.max(Date.parse(lastSeenAt), Date.parse(said.get(id) ?? lastSeenAt));
  return hosts
    .filter((host) => host.instanceState === 'running' && now.getTime() - last(host) < freshFor)
    .filter((host) => draining || !host.draining)
    .toSorted((a, b) => last(b) - last(a))
    .map(({ id }) => id);
}
