import { expect, it } from 'vitest';
import { newestFirst } from '#local/cloud/rebuild.ts';

it('gives a name back to the volume that had it last, not to one that was deleted before', () => {
  const old = { VolumeId: 'vol-1', CreateTime: new Date('2026-11-22T12:00:00Z') };
  const live = { VolumeId: 'vol-2', CreateTime: new Date('2026-11-23T12:00:00Z') };
  expect(newestFirst([old, { VolumeId: 'vol-3' }, live]).map(({ VolumeId }) => VolumeId)).toEqual([
    'vol-2',
    'vol-1',
    'vol-3',
  ]);
});
