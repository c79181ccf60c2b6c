import type { Host } from '#shared/model/host.ts';
import type { Operation } from '#shared/model/operation.ts';
import { formatSize, parseSize } from '#shared/model/size.ts';
import { driversOf, type CreateVolume, type Volume } from '#shared/model/volume.ts';

const epochStart = '2026-01-02T03:04:05.000Z';
let counter = 0;

/** Ids in the form of the product's, in order of their making. */
function nextId(prefix: string): string {
  return `${prefix}-${String(++counter).padStart(26, '0')}`;
}

export function volumeOf(body: CreateVolume, namespace: string): Volume {
  const type = body.type as Volume['type'];
  const driver = driversOf[type][0];
  const size = formatSize(body.size ?? parseSize('10G'));
  return {
    id: nextId('vol'),
    name: body.name,
    namespace,
    type,
    driver,
    state: 'available',
    ...(driver === 'ebs' ? { size, sizeBytes: parseSize(size), filesystem: 'ext4' as const } : {}),
    labels: body.labels,
    options: body.options,
    description: body.description,
    format: driver === 'ebs' ? 'blank' : 'none',
    owner: { uid: body.owner?.uid ?? 0, gid: body.owner?.gid ?? 0, mode: body.owner?.mode ?? '0755' },
    readOnly: body.readOnly,
    encrypted: body.encrypted ?? (driver === 'ebs' || driver === 'efs'),
    protected: body.protected,
    hosts: [],
    revision: 1,
    createdAt: epochStart,
    updatedAt: epochStart,
    createdBy: 'arn:aws:iam::000000000000:user/fake',
  };
}

export function operationOf(volume: Volume, kind: Operation['kind']): Operation {
  return {
    id: nextId('op'),
    kind,
    namespace: volume.namespace,
    volumeId: volume.id,
    volume: volume.name,
    status: 'pending',
    progress: 0,
    message: 'waiting to begin',
    caller: volume.createdBy,
    createdAt: epochStart,
    updatedAt: epochStart,
  };
}

export const hostA = 'i-0000000000000000a';

export function hostOf(namespace: string): Host {
  return {
    id: hostA,
    namespace,
    availabilityZone: 'us-east-1a',
    instanceType: 't3.micro',
    instanceState: 'running',
    bootId: '0b7d1c1e-6f0d-4a40-9b2c-0d3b6a6a1a11',
    agentVersion: '0.1.0',
    hostname: 'host-a',
    drivers: ['ebs', 'efs', 'bind', 'tmpfs'],
    draining: false,
    registeredAt: epochStart,
    lastSeenAt: epochStart,
    volumes: [
      { id: nextId('vol'), name: 'idle-one', inUse: false, containers: [] },
      { id: nextId('vol'), name: 'used-one', inUse: true, containers: ['web'] },
    ],
    revision: 1,
  };
}
