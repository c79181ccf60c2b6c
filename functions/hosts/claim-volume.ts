import type * as z from 'zod';
import { keys } from '#shared/aws/table/keys.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { ClaimAnswer, ClaimRequest } from '#shared/model/host.ts';
import type { TaskItem, VolumeItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { viewAssignment } from '#shared/model/rules-view.ts';
import { attach } from '#functions/volumes/attach-volume.ts';
import { findVolume } from '#functions/volumes/find.ts';
import { priorOf } from '#functions/volumes/intent.ts';
import type { Call } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { bootedRecord, type HostPorts } from './host-ports.ts';

type Body = z.output<typeof ClaimRequest>;

export interface Claimed {
  readonly status: 200 | 202;
  readonly body: ClaimAnswer;
}

/**
 * The calling host wants a volume. Claiming again is the way to look whether it is there.
 * @throws ProductError VolumeBusy naming the holder; what decideAttach refuses.
 */
export async function claimVolume(
  ports: HostPorts,
  call: Omit<Call, 'namespace'>,
  { name, bootId, readOnly }: Body & { name: string },
): Promise<Claimed> {
  return settle(async () => {
    const host = await bootedRecord(ports, call.caller, bootId);
    const { namespace } = host.host;
    const record = await findVolume(ports, namespace, name);
    const own: Call = { ...call, namespace };
    // A claim repeats safely by itself: a key that was seen needs no second receipt.
    const once: Call =
      (await priorOf(ports, own)) === undefined ? own : { ...own, idempotencyKey: undefined };
    const fills = await fillsOf(ports, record.volume, host.host.id);
    await attach(ports, once, { record, host, request: { readOnly, forceDetach: false, fills } });
    return show(ports, { volumeId: record.volume.id, hostId: host.host.id });
  });
}

const works: ReadonlySet<TaskItem['kind']> = new Set<TaskItem['kind']>(['archive', 'fill', 'import']);

/** The operation that this host restores the volume's files for, or keeps what was there before. */
export async function fillsOf(
  { table }: Pick<HostPorts, 'table'>,
  { filling }: VolumeItem,
  hostId: string,
): Promise<string | undefined> {
  if (filling === undefined) return undefined;
  const task = await table.read('task', keys.task(filling));
  if (task === undefined || !works.has(task.kind) || task.hostId !== hostId || task.result !== undefined)
    return undefined;
  const operation = await table.readOperation(filling);
  // A host that was given up does nothing to it any more.
  return operation === undefined || isFinished(operation.status) ? undefined : filling;
}

async function show(
  ports: HostPorts,
  { volumeId, hostId }: { volumeId: string; hostId: string },
): Promise<Claimed> {
  const record = await ports.table.readVolume(volumeId);
  const attachment = record?.attachments.find((one) => one.hostId === hostId);
  if (record === undefined || attachment === undefined) {
    throw new ProductError('Conflict', 'The volume was taken back at the same time.', {
      about: { volumeId },
    });
  }
  const assignment = viewAssignment(record, attachment);
  const ready = assignment.actual === 'attached' && assignment.desired === 'attached';
  const { operation } = record.volume;
  return {
    status: ready ? 200 : 202,
    body: { ready, assignment, ...(ready || operation === undefined ? {} : { operation }) },
  };
}
