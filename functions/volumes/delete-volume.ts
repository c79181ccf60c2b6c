import type { OperationItem, VolumeItem } from '#shared/model/items.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { bury } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { decideDelete, type DeleteDecision } from '#shared/model/rules-delete.ts';
import { showOperation, showPrior, showUnderWay, showVolume, type Mutation } from './answer.ts';
import { askStates, findVolume } from './find.ts';
import { handBack, handedBackBy, shedIdle } from './hand-back.ts';
import { checkIfMatch } from './if-match.ts';
import { commit, newOperation, priorOf } from './intent.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

export interface DeleteRequest {
  readonly name: string;
  readonly force: boolean;
  /** Nothing is kept: storage is freed at once, without a final backup. */
  readonly purge: boolean;
}

/** Deletes a volume (contract 5). 200: the tombstone is written; 202: it is handed back and detached first. */
export async function deleteVolume(ports: Ports, call: Call, request: DeleteRequest): Promise<Mutation> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return showPrior(ports, prior);
    const record = await findVolume(ports, call.namespace, request.name);
    checkIfMatch(record.volume, call.ifMatch);
    const decision = await decide(ports, record, request.force);
    if (decision.kind === 'underway') return showUnderWay(ports, record.volume);
    const lean = await shedIdle(ports, record);
    return decision.kind === 'bury'
      ? buryNow(ports, call, { record: lean, request })
      : showOperation(await begin(ports, call, { record: lean, request, waits: decision.waits }));
  });
}

async function decide(
  ports: Ports,
  record: VolumeRecord,
  force: boolean,
): Promise<Exclude<DeleteDecision, { kind: 'ask' }>> {
  const decision = decideDelete(record, force);
  if (decision.kind !== 'ask') return decision;
  const informed = decideDelete(record, force, await askStates(ports, decision.hosts));
  if (informed.kind !== 'ask') return informed;
  throw new ProductError('Unavailable', 'EC2 does not say whether the holder is stopped.');
}

interface Subject {
  readonly record: VolumeRecord;
  readonly request: DeleteRequest;
}

async function buryNow(ports: Ports, call: Call, { record, request }: Subject): Promise<Mutation> {
  const { volume, attachments } = record;
  const now = ports.clock();
  const window = request.purge ? 0 : ports.settings.undoWindowHours * 3_600_000;
  const next: VolumeItem = {
    ...volume,
    state: 'deleted',
    hosts: [],
    operation: undefined,
    purge: request.purge,
    deletedAt: now.toISOString(),
    purgeAt: new Date(now.getTime() + window).toISOString(),
    updatedAt: now.toISOString(),
  };
  await commit(ports, call, {
    writes: bury(record, next),
    subject: volume.id,
    status: 200,
    wake: attachments.map(({ hostId }) => hostId),
  });
  return showVolume(ports, volume.id);
}

async function begin(
  ports: Ports,
  call: Call,
  { record, request, waits }: Subject & { waits: boolean },
): Promise<OperationItem> {
  const { volume, attachments } = record;
  const now = ports.clock();
  const [holder] = attachments;
  const message = waits ? 'Waiting for its containers to stop' : 'Waiting to be deleted';
  const parts = {
    kind: 'delete',
    message,
    host: holder?.hostId,
    fromHost: holder?.hostId,
    waitUntil: handedBackBy(now),
    ...(request.purge ? {} : { backup: `bak-${ports.newId()}` }),
  } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const next: VolumeItem = {
    ...volume,
    state: 'deleting',
    purge: request.purge,
    operation: operation.id,
    updatedAt: now.toISOString(),
  };
  await commit(ports, call, {
    writes: [replace('volume', volume, next), ...handBack(record, { waits, now: now.toISOString() })],
    subject: volume.id,
    status: 202,
    operation,
    wake: attachments.map(({ hostId }) => hostId),
  });
  return operation;
}
