import { askTask } from '#shared/aws/table/backup-writes.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import type { BeginImport } from '#shared/model/archive-transfer.ts';
import type { OperationItem, TaskItem } from '#shared/model/items.ts';
import { mayHoldFiles } from '#shared/model/rules-backup.ts';
import { decideImport } from '#shared/model/rules-transfer.ts';
import {
  planReplacement,
  replacementParts,
  replacementWrites,
  type Replacement,
} from '#functions/backups/replace-files.ts';
import { newOperation, type Intent, type OperationParts } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { chooseHost } from './choose-host.ts';
import { newTask } from './exports.ts';

/** How an archive gets into a volume. */
export interface ImportPlan {
  readonly hostId: string;
  /** Of one that may hold files, or was left half exchanged. */
  readonly replacement?: Replacement;
}

/**
 * Decides how an archive gets into a volume. Changes nothing.
 * @throws ProductError NotSupported, IllegalState, VolumeBusy of {@link decideImport}, in place those of
 *   {@link planReplacement}; IllegalState without a host that could unpack it
 */
export async function planImport(
  ports: Ports,
  record: VolumeRecord,
  { inPlace = false, force = false, host: asked }: Pick<BeginImport, 'inPlace' | 'force' | 'host'>,
): Promise<ImportPlan> {
  if (inPlace && mayHoldFiles(record)) {
    const replacement = await planReplacement(ports, { record, refill: { force }, host: asked });
    // Its host sees whether there is anything to be kept.
    return { hostId: replacement.plan.hostId, replacement: { ...replacement, guarded: true } };
  }
  decideImport(record);
  const { host } = await chooseHost(ports, record, asked);
  return { hostId: host.id };
}

/** What begins with an import, beside the record of its archive. */
interface Unpacking extends Pick<Intent, 'writes'> {
  readonly operation: OperationItem;
  readonly wake: readonly string[];
}

interface Planned {
  readonly record: VolumeRecord;
  /** Of the transfer, and of its operation. */
  readonly id: string;
  readonly plan: ImportPlan;
}

/** A host is asked to unpack into the empty volume; or an operation begins that has it keep what is there, and then replace that. */
export function unpacking(ports: Ports, call: Call, { record, id, plan }: Planned): Unpacking {
  const { volume, attachments } = record;
  const { hostId, replacement } = plan;
  const begin = (parts: OperationParts): OperationItem => ({
    ...newOperation(ports, call, { volume, parts }),
    id,
  });
  if (replacement === undefined) {
    const message = `Waiting for ${hostId} to unpack the archive`;
    const operation = begin({ kind: 'import', driver: 'backup', host: hostId, message });
    return { operation, writes: askTask(importTask(record, operation, hostId)), wake: [hostId] };
  }
  const operation = begin({ kind: 'import', ...replacementParts(ports, replacement) });
  const by = 'an archive of a caller';
  const writes = replacementWrites(ports, record, { operation, plan: replacement.plan, by });
  return { operation, writes, wake: attachments.map((item) => item.hostId) };
}

function importTask({ volume, lease }: VolumeRecord, operation: OperationItem, hostId: string): TaskItem {
  const { id: operationId, createdAt: at } = operation;
  return {
    ...newTask({ operationId, hostId, volumeId: volume.id, at }),
    kind: 'import',
    name: volume.name,
    epoch: lease?.epoch ?? 0,
  };
}
