import { randomUUID } from 'node:crypto';
import type { VolumeView } from '#agent/reconcile/plan.ts';
import type { Assignment } from '#shared/model/host.ts';
import { defaultOwner } from '#shared/model/volume.ts';

/** A block volume that was mounted before, attached to this host under epoch 1, idle. */
export function assignmentOf(overrides: Partial<Assignment> = {}): Assignment {
  return {
    volumeId: 'vol-01JD0000000000000000000000',
    name: 'data',
    type: 'local',
    driver: 'ebs',
    desired: 'attached',
    actual: 'attached',
    epoch: 1,
    readOnly: false,
    inUse: false,
    storage: { kind: 'ebs', volumeId: 'vol-0123456789abcdef0', provisionedGiB: 1, volumeType: 'gp3' },
    sizeBytes: 2 ** 30,
    filesystem: { state: 'formatted', type: 'ext4', uuid: randomUUID(), mounted: true },
    owner: defaultOwner,
    options: {},
    ...overrides,
  };
}

/** A volume that the control plane answers for and of which nothing is here. */
export function viewOf(overrides: Partial<VolumeView> = {}): VolumeView {
  return {
    name: 'data',
    linked: true,
    fresh: false,
    staged: false,
    published: false,
    prepared: overrides.mountedAs !== undefined,
    fenced: false,
    used: false,
    free: false,
    idle: false,
    refused: false,
    ...overrides,
  };
}
