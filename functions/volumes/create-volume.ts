import type { LeaseItem, OperationItem, VolumeItem } from '#shared/model/items.ts';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { createVolume as createWrites } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import {
  differences,
  nameTaken,
  placement,
  resolveCreate,
  type VolumeSpec,
} from '#shared/model/rules-create.ts';
import type { VolumeState } from '#shared/model/states.ts';
import { driverTraits, type CreateVolume } from '#shared/model/volume.ts';
import {
  showCreated,
  showOperation,
  showPriorCreate,
  showUnderWay,
  showVolume,
  type Creation,
} from './answer.ts';
import { commit, newOperation, priorOf } from './intent.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

/**
 * Creates a volume, or gives the one that has this name when it has the same parameters (contract 4).
 * 201: there at once; 202: being created; 200: was there.
 * @throws ProductError NameTaken naming the fields that differ; InvalidInput; NotSupported.
 */
export async function createVolume(ports: Ports, call: Call, body: CreateVolume): Promise<Creation> {
  const spec = resolveCreate(body, ports.settings.region);
  return settle(() => createOnce(ports, call, spec));
}

async function createOnce(ports: Ports, call: Call, spec: VolumeSpec): Promise<Creation> {
  const prior = await priorOf(ports, call);
  if (prior !== undefined) return showPriorCreate(ports, prior);
  const existing = await ports.table.readVolumeByName(call.namespace, spec.name);
  if (existing !== undefined) return repeat(ports, call, { existing, spec });
  const zone = placement(spec, await zonesFor(ports, call, spec));
  const volume = newVolume(ports, call, { ...spec, availabilityZone: zone });
  if (volume.state !== 'creating') {
    await commit(ports, call, {
      writes: createWrites(volume, leaseOf(volume)),
      subject: volume.id,
      status: 201,
    });
    return showCreated(ports, volume.id);
  }
  const operation = createOperation(ports, call, volume);
  const owned = { ...volume, operation: operation.id };
  const writes = createWrites(owned, leaseOf(volume));
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}

interface Repeat {
  readonly existing: VolumeRecord;
  readonly spec: VolumeSpec;
}

async function repeat(ports: Ports, call: Call, { existing, spec }: Repeat): Promise<Creation> {
  const { volume } = existing;
  const fields = differences(volume, spec);
  if (fields.length > 0) throw nameTaken(volume, fields); // guard: create-differs
  if (volume.state === 'failed') return createAgain(ports, call, volume);
  await commit(ports, call, { writes: [], subject: volume.id, status: 200 });
  return volume.state === 'creating' ? showUnderWay(ports, volume) : showVolume(ports, volume.id);
}

/** A create is only rolled forward: what AWS refused is asked for again, by the same record. */
async function createAgain(ports: Ports, call: Call, volume: VolumeItem): Promise<Creation> {
  const operation = createOperation(ports, call, volume);
  const next: VolumeItem = {
    ...volume,
    state: 'creating',
    reason: undefined,
    operation: operation.id,
    updatedAt: operation.createdAt,
  };
  const writes = [replace('volume', volume, next)];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}

function createOperation(ports: Ports, call: Call, volume: VolumeItem): OperationItem {
  const parts = { kind: 'create', message: 'Waiting to be created' } as const;
  return newOperation(ports, call, { volume, parts });
}

function newVolume(ports: Ports, call: Call, spec: VolumeSpec): VolumeItem {
  const now = ports.clock().toISOString();
  return {
    ...spec,
    id: `vol-${ports.newId()}`,
    namespace: call.namespace,
    state: stateAtBirth(spec),
    hosts: [],
    revision: 1,
    attempt: 1,
    purge: false,
    createdAt: now,
    updatedAt: now,
    createdBy: call.caller.arn,
  };
}

function stateAtBirth({ driver, availabilityZone }: VolumeSpec): VolumeState {
  if (driverTraits[driver].storage === 'none') return 'available';
  return driver === 'ebs' && availabilityZone === undefined ? 'unplaced' : 'creating';
}

function leaseOf({ id, driver, filesystem, createdAt }: VolumeItem): LeaseItem | undefined {
  if (driverTraits[driver].hosts === 'many') return undefined;
  return {
    volumeId: id,
    epoch: 0,
    inUse: false,
    filesystem: { state: 'blank', type: filesystem ?? 'ext4' },
    updatedAt: createdAt,
  };
}

/** Zones of the namespace's hosts, as far as they decide: asked only where they do, and only until there are two. */
async function zonesFor(ports: Ports, { namespace }: Call, spec: VolumeSpec): Promise<string[]> {
  if (spec.driver !== 'ebs' || spec.availabilityZone !== undefined) return [];
  const zones = new Set<string>();
  for (let after: string | undefined; ;) {
    const page = await ports.table.list('hostIndex', {
      pk: partitions.hosts(namespace),
      limit: 200,
      ...(after === undefined ? {} : { after }),
    });
    const hosts = await ports.table.readMany(
      'host',
      page.items.map(({ hostId }) => keys.host(hostId)),
    );
    for (const { instanceState, availabilityZone } of hosts)
      if (instanceState !== 'terminated') zones.add(availabilityZone);
    if (zones.size > 1 || page.next === undefined) return [...zones];
    after = page.next;
  }
}
