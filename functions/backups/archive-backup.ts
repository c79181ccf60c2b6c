import type { BackupStorage, CreateBackup } from '#shared/model/backup.ts';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { repositoryPrefix, snapshotPath, type RepositoryRef } from '#shared/model/repository.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { chooseHost } from '#functions/transfers/choose-host.ts';
import { newTask } from '#functions/transfers/exports.ts';
import type { Ports } from '#functions/volumes/ports.ts';

type Archived = BackupStorage & { readonly kind: 'archive' };
type Request = Pick<CreateBackup, 'host' | 'repository'> & {
  /** A policy's run asks again: a host may come. */
  readonly origin?: 'policy';
};

/** A backup as files: where it will stand, and which host makes it. */
export interface ArchivePlan {
  readonly storage: Archived;
  readonly hostId: string;
}

/** @throws ProductError IllegalState without a host that can read the files, for a policy's run Unavailable */
export async function planArchiveBackup(
  ports: Ports,
  record: VolumeRecord,
  { host: asked, repository: other, origin }: Request,
): Promise<ArchivePlan> {
  const { volume } = record;
  const { host } = await chooseHost(ports, record, asked).catch((error: unknown) => {
    throw origin === 'policy' && isProductError(error, 'IllegalState') ? passing(error) : error;
  });
  const repository: RepositoryRef = {
    prefix: repositoryPrefix(volume.id),
    ...(other === undefined ? {} : { other }),
  };
  return {
    storage: { kind: 'archive', repository, path: snapshotPath(volume.name) },
    hostId: host.id,
  };
}

function passing(cause: ProductError): ProductError {
  return new ProductError('Unavailable', cause.message, { ...cause.details, cause });
}

/** What that host is asked for. */
export function archiveTask(
  { volume, lease }: Pick<VolumeRecord, 'volume' | 'lease'>,
  { id, createdAt }: OperationItem,
  { backupId, plan }: { readonly backupId: string; readonly plan: ArchivePlan },
): TaskItem {
  const { hostId, storage } = plan;
  return {
    ...newTask({ operationId: id, hostId, volumeId: volume.id, at: createdAt }),
    kind: 'archive',
    name: volume.name,
    epoch: lease?.epoch ?? 0,
    backupId,
    path: storage.path,
    repository: storage.repository,
  };
}

/** What only archives have is asked for with restic alone. @throws ProductError InvalidInput */
export function refuseArchiveOptions({ host, repository }: Request, kind: BackupItem['kind']): void {
  if (host === undefined && repository === undefined) return;
  const value = host === undefined ? 'repository' : 'host';
  throw new ProductError('InvalidInput', `A ${kind} is made by AWS: it takes no "${value}".`, {
    value,
    allowed: 'with engine restic',
    hint: `Leave it out, or ask for engine restic.`,
  });
}
