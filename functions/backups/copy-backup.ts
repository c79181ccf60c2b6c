import { createBackup as createWrites } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { CopyBackup } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { decideCopy, newCopy } from '#shared/model/rules-copy.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { findBackup, priorOperation } from './answer.ts';
import { liveBackupUsers } from './backup-users.ts';

type Request = CopyBackup & {
  readonly backup: string;
  /** The policy whose run makes it, and whose rules prune it. */
  readonly policy?: string;
};

/**
 * Begins to copy a backup to another Region: a backup of its own. The same request again, while that copy is being made,
 * gives its operation.
 * @throws ProductError BackupNotFound; InvalidInput, NotSupported, IllegalState of {@link decideCopy}; IllegalState where it is
 *   there already.
 */
export async function copyBackup(ports: Ports, call: Call, request: Request): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const source = await findBackup(ports, call.namespace, request.backup);
    const { region: home, copyRegions: others, vaultRegions: vaults } = ports.settings;
    decideCopy(source, request.region, { home, others, vaults });
    const before = await copyBefore(ports, source, request);
    return before === undefined ? begin(ports, call, { source, request }) : repeated(ports, before);
  });
}

/** One that is there or on its way; what a policy makes and what a person makes are kept by different rules. */
async function copyBefore(
  { table }: Ports,
  { id, volumeId }: BackupItem,
  { region, policy }: Request,
): Promise<BackupItem | undefined> {
  const copies = (await table.listBackupsOf(volumeId)).filter(
    (backup) => backup.copyOf === id && backup.region === region && backup.policy === policy,
  );
  return copies.find(({ state }) => state === 'creating' || state === 'available');
}

async function repeated({ table }: Ports, copy: BackupItem): Promise<OperationAnswer> {
  const { id, region, copyOf = '', operation } = copy;
  const under = operation === undefined ? undefined : await table.readOperation(operation);
  if (under !== undefined && copy.state === 'creating') return showOperation(under);
  throw new ProductError('IllegalState', `There is a copy of ${copyOf} in ${region} already: ${id}.`, {
    value: region,
    about: { backup: id },
    hint: `Use it; or remove it first: hivemind backup delete ${id}.`,
  });
}

interface Copying {
  readonly source: BackupItem;
  readonly request: Request;
}

async function begin(ports: Ports, call: Call, { source, request }: Copying): Promise<OperationAnswer> {
  const { region, description, policy } = request;
  const volume = await ports.table.read('volume', keys.volume(source.volumeId));
  if (volume === undefined)
    throw new ProductError('Internal', `The volume record of backup ${source.id} is gone.`, {
      value: source.volumeId,
    });
  const id = `bak-${ports.newId()}`;
  const message = `Waiting to be copied from ${source.region} to ${region}`;
  const parts = { kind: 'copyBackup', driver: 'backup', backup: id, message } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const now = ports.clock();
  const about = { id, region, description, policy, operation: operation.id, now };
  const users = [...(await liveBackupUsers(ports, source)), operation.id];
  const writes = [
    ...createWrites(newCopy(source, { ...about, caller: call.caller.arn })),
    replace('backup', source, { ...source, users, updatedAt: now.toISOString() }), // guard: copy-uses-source
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}
