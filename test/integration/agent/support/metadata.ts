import type { ArchiveMetadata } from '#shared/model/archive.ts';

/** What an archive says of the volume `data`. */
export const metadata: ArchiveMetadata = {
  version: 1,
  name: 'data',
  type: 'local',
  driver: 'ebs',
  sizeBytes: 2 ** 30,
  labels: {},
  options: {},
  owner: { uid: 0, gid: 0, mode: '0755' },
  filesystem: 'ext4',
  createdAt: '2026-11-29T02:00:00.000Z',
};
