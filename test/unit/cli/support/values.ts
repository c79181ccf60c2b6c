import type { Operation } from '#shared/model/operation.ts';
import type { Volume } from '#shared/model/volume.ts';

export const aVolume = (changes: Partial<Volume> = {}): Volume => ({
  id: 'vol-01J0000000000000000000000V',
  name: 'db',
  namespace: 'default',
  type: 'local',
  driver: 'ebs',
  state: 'available',
  size: '10G',
  sizeBytes: 10 * 2 ** 30,
  provisionedGiB: 10,
  labels: {},
  options: {},
  description: '',
  filesystem: 'ext4',
  format: 'blank',
  owner: { uid: 0, gid: 0, mode: '0755' },
  readOnly: false,
  encrypted: true,
  protected: false,
  hosts: [],
  revision: 3,
  createdAt: '1970-01-01T00:00:00.000Z',
  updatedAt: '1970-01-01T00:00:00.000Z',
  createdBy: 'arn:aws:iam::000000000000:user/someone',
  ...changes,
});

export const anOperation = (changes: Partial<Operation> = {}): Operation => ({
  id: 'op-01J0000000000000000000000P',
  kind: 'create',
  namespace: 'default',
  volumeId: 'vol-01J0000000000000000000000V',
  volume: 'db',
  status: 'running',
  progress: 10,
  message: 'creating',
  caller: 'arn:aws:iam::000000000000:user/someone',
  createdAt: '1970-01-01T00:00:00.000Z',
  updatedAt: '1970-01-01T00:00:00.000Z',
  ...changes,
});
