import { describe, expect, it } from 'vitest';
import { isRestorable, restoredAt, restoreStamp, restoreTime } from '#shared/model/restored-directory.ts';

const ulid = 'vol-01KBABCDEFGHJKMNPQRSTVWXYZ';

describe('the directory of a restore', () => {
  it.each([
    ['aws-backup-restore_2022-01-17T08-53-32-695Z', '2022-01-17T08:53:32.695Z'],
    ['aws-backup-restore_2025-03-28T14-13-02-250589632Z', '2025-03-28T14:13:02.250Z'],
  ])('%s tells when it was begun', (name, time) => {
    expect(new Date(restoreTime(name) ?? Number.NaN).toISOString()).toBe(time);
    expect(name.startsWith(`aws-backup-restore_${restoreStamp(new Date(time))}`)).toBe(true);
  });

  it.each([
    'aws-backup-restore_',
    'aws-backup-restore_2025-13-28T14-13-02-250Z',
    'volumes',
    'xaws-backup-restore_1',
  ])('%s is not one', (name) => {
    expect(restoreTime(name)).toBeUndefined();
  });

  it('can be the root of an access point for a volume that was created, not for one that was restored', () => {
    expect(isRestorable(`/volumes/${ulid}`)).toBe(true);
    expect(isRestorable(restoredAt('aws-backup-restore_2022-01-17T08-53-32-695Z', `/volumes/${ulid}`))).toBe(
      false,
    );
  });
});
