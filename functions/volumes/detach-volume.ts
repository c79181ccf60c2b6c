import type { OperationItem, VolumeItem } from '#shared/model/items.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { changeAttachment, detachFrom } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { decideDetach, type DetachDecision, type DetachRequest } from '#shared/model/rules-detach.ts';
import { raiseEpoch } from '#shared/model/rules-use.ts';
import { showOperation, showPrior, showUnderWay, showVolume, type Mutation } from './answer.ts';
import { leaseOf } from './attach-volume.ts';
import { askStates, findVolume } from './find.ts';
import { checkIfMatch } from './if-match.ts';
import { commit, newOperation, priorOf } from './intent.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

/** Detaches a volume from its host, on a person's word. 200: it is not there; 202: it is being detached. */
export async function detachVolume(
  ports: Ports,
  call: Call,
  { name, ...request }: DetachRequest & { readonly name: string },
): Promise<Mutation> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return showPrior(ports, prior);
    const record = await findVolume(ports, call.namespace, name);
    checkIfMatch(record.volume, call.ifMatch);
    return detach(ports, call, { record, request });
  });
}

export interface DetachSubject {
  readonly record: VolumeRecord;
  readonly request: DetachRequest;
}

/** The decision and its transaction. */
export async function detach(ports: Ports, call: Call, subject: DetachSubject): Promise<Mutation> {
  const { volume } = subject.record;
  const decision = await decide(ports, subject);
  switch (decision.kind) {
    case 'already':
      await commit(ports, call, { writes: [], subject: volume.id, status: 200 });
      return showVolume(ports, volume.id);
    case 'underway':
      await commit(ports, call, { writes: [], subject: volume.id, status: 200 });
      return showUnderWay(ports, volume);
    case 'revoke':
      await revoke(ports, call, { volume, decision });
      return showVolume(ports, volume.id);
    case 'detach':
      return showOperation(await begin(ports, call, { record: subject.record, decision }));
  }
}

async function decide(
  ports: Ports,
  { record, request }: DetachSubject,
): Promise<Exclude<DetachDecision, { kind: 'ask' }>> {
  const decision = decideDetach(record, request);
  if (decision.kind !== 'ask') return decision;
  const informed = decideDetach(record, request, await askStates(ports, decision.hosts));
  if (informed.kind !== 'ask') return informed;
  throw new ProductError('Unavailable', 'EC2 does not say whether the holder is stopped.');
}

/** Drivers that many hosts may use: the attachment goes. Whom it was forced from is kept in mind: a purge must wait for it. */
async function revoke(
  ports: Ports,
  call: Call,
  { volume, decision }: { volume: VolumeItem; decision: DetachDecision & { kind: 'revoke' } },
): Promise<void> {
  const { attachment, live } = decision;
  const { hostId } = attachment;
  const at = ports.clock().toISOString();
  const others = (volume.forcedOff ?? []).filter((entry) => entry.hostId !== hostId);
  const next: VolumeItem = {
    ...volume,
    ...(live ? { forcedOff: [...others, { hostId, at }] } : {}),
    hosts: volume.hosts.filter((host) => host !== hostId),
    updatedAt: at,
  };
  await commit(ports, call, {
    writes: [replace('volume', volume, next), ...detachFrom(attachment)],
    subject: volume.id,
    status: 200,
    wake: [hostId],
  });
}

/** Single writer: the epoch grows and nobody holds it, under the lease exactly as it was read; then DetachVolume. */
async function begin(
  ports: Ports,
  call: Call,
  { record, decision }: { record: VolumeRecord; decision: DetachDecision & { kind: 'detach' } },
): Promise<OperationItem> {
  const { volume } = record;
  const lease = leaseOf(record);
  const { attachment, force } = decision;
  const { hostId } = attachment;
  const now = ports.clock().toISOString();
  const freed = raiseEpoch(lease, now);
  const message = `Waiting to be detached from ${hostId}`;
  const parts = {
    kind: 'detach',
    message,
    host: hostId,
    fromHost: hostId,
    forceDetach: force,
    epoch: freed.epoch,
  } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const next: VolumeItem = { ...volume, state: 'detaching', operation: operation.id, updatedAt: now };
  await commit(ports, call, {
    writes: [
      replace('lease', lease, freed),
      replace('volume', volume, next),
      ...changeAttachment(attachment, { ...attachment, desired: 'detached' }),
    ],
    subject: volume.id,
    status: 202,
    operation,
    wake: [hostId],
  });
  return operation;
}
