import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ebsDriver } from '#agent/drivers/ebs/ebs.driver.ts';
import { silentLog } from '#agent/log.ts';
import type { Assignment, FormatTicket } from '#shared/model/host.ts';
import { assignmentOf } from './builders.ts';
import { fakeBlocks, fakeDevice, fakeMounts, type FakeDisk } from './fakes.ts';

const uuid = randomUUID();
const blank = assignmentOf({ inUse: true, filesystem: { state: 'blank', type: 'ext4' } });
let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'hivemind-stage-'));
});
afterEach(async () => {
  await rm(path, { recursive: true, force: true });
});

/** The driver over one disk, with a control plane that gives this ticket. */
function rigFor(disk: Partial<FakeDisk>, ticket: Partial<FormatTicket> = {}) {
  const { blocks, filesystems, writes } = fakeBlocks({ bytes: [], free: true, state: 'other', ...disk });
  const mounts = fakeMounts();
  const reports: unknown[] = [];
  const api = {
    takeTicket: (volumeId: string, { epoch, serial }: { epoch: number; serial: string }) =>
      Promise.resolve({ volumeId, epoch, serial, type: 'ext4' as const, uuid, renewed: false, ...ticket }),
    reportFormatted: (_: string, report: { uuid: string; mounted: boolean }): Promise<Assignment> => {
      reports.push(report);
      return Promise.resolve({
        ...blank,
        filesystem: { state: 'formatted', type: 'ext4', uuid: report.uuid, mounted: report.mounted },
      });
    },
  };
  const driver = ebsDriver({ api, blocks, filesystems, mounts, log: silentLog, deviceWaitMs: 0 });
  return { driver, writes, mounts, reports };
}

/** The answer, or the refusal. */
const stageAnyway = (rig: ReturnType<typeof rigFor>, assignment: Assignment): Promise<unknown> =>
  rig.driver.stage({ assignment, path }).catch((error: unknown) => error);

describe('formatting', () => {
  it('makes the filesystem that the ticket names on an empty device, and reports it', async () => {
    const rig = rigFor({});
    await stageAnyway(rig, blank);
    expect(rig.writes).toEqual([`mkfs.ext4 ${uuid}`]);
    expect(rig.reports).toEqual([{ epoch: 1, uuid, mounted: false }]);
  });

  it('never formats what is formatted', async () => {
    const rig = rigFor({ signature: { type: 'ext4', uuid } });
    await stageAnyway(
      rig,
      assignmentOf({ filesystem: { state: 'formatted', type: 'ext4', uuid, mounted: true } }),
    );
    expect(rig.writes).toEqual([]);
  });

  it.each<[string, Partial<FakeDisk>]>([
    ['a signature', { signature: { type: 'xfs', uuid: randomUUID() } }],
    ['bytes', { bytes: ['the last MiB is not all zero'] }],
  ])('refuses a device that holds %s', async (_, disk) => {
    const rig = rigFor(disk);
    expect(await stageAnyway(rig, blank)).toMatchObject({ code: 'DeviceRefused' });
    expect(rig.writes).toEqual([]);
  });

  it.each<[string, Partial<FormatTicket>]>([
    ['volume', { volumeId: 'vol-01JD0000000000000000000001' }],
    ['epoch', { epoch: 2 }],
    ['device', { serial: 'vol0fedcba9876543210' }],
  ])('refuses a ticket for another %s', async (_, ticket) => {
    const rig = rigFor({}, ticket);
    expect(await stageAnyway(rig, blank)).toMatchObject({ code: 'TicketRefused' });
    expect(rig.writes).toEqual([]);
  });

  it('takes a ticket whose serial has the dash that NVMe leaves out', async () => {
    const rig = rigFor({}, { serial: 'vol-0123456789abcdef0' });
    await stageAnyway(rig, blank);
    expect(rig.writes).toEqual([`mkfs.ext4 ${uuid}`]);
  });

  it('waits while a mkfs of a killed agent may still run', async () => {
    const rig = rigFor({ free: false });
    expect(await stageAnyway(rig, blank)).toMatchObject({ code: 'OperationInProgress' });
    expect(rig.writes).toEqual([]);
  });

  it.each<[string, Partial<FakeDisk>, readonly string[]]>([
    ['takes a finished format as it is', { signature: { type: 'ext4', uuid }, state: 'clean' }, []],
    ['formats again where nothing is', {}, [`mkfs.ext4 ${uuid}`]],
    [
      'wipes and makes again what did not end',
      { signature: { type: 'ext4', uuid }, state: 'incomplete' },
      ['wipefs', `mkfs.ext4 ${uuid}`],
    ],
  ])('with a renewed ticket %s', async (_, disk, writes) => {
    const rig = rigFor(disk, { renewed: true });
    await stageAnyway(rig, blank);
    expect(rig.writes).toEqual(writes);
  });

  it('with a renewed ticket refuses anything else', async () => {
    const rig = rigFor({ signature: { type: 'xfs', uuid: randomUUID() }, state: 'other' }, { renewed: true });
    expect(await stageAnyway(rig, blank)).toMatchObject({ code: 'DeviceRefused' });
    expect(rig.writes).toEqual([]);
  });
});

describe('mounting a block volume', () => {
  it.each([
    ['nothing', undefined],
    ['another UUID', { type: 'ext4', uuid: randomUUID() }],
    ['another type', { type: 'xfs', uuid }],
  ])('is refused where the device holds %s', async (_, signature) => {
    const rig = rigFor(signature === undefined ? {} : { signature });
    const assignment = assignmentOf({
      filesystem: { state: 'formatted', type: 'ext4', uuid, mounted: true },
    });
    expect(await stageAnyway(rig, assignment)).toMatchObject({ code: 'DeviceRefused' });
    expect(rig.mounts.calls).toEqual([]);
  });

  it('makes the data directory of a read-only volume that a crash kept from having one', async () => {
    const rig = rigFor({ signature: { type: 'ext4', uuid } });
    const filesystem = { state: 'formatted', type: 'ext4', uuid, mounted: true } as const;
    const stage = { assignment: assignmentOf({ readOnly: true, filesystem }), path };
    await rig.driver.stage(stage);
    await rig.driver.stage(stage);
    const remounts = rig.mounts.calls.filter((made) => Object.hasOwn(made as object, 'remount'));
    expect(remounts.map((made) => (made as { options: string[] }).options)).toEqual([['rw'], ['ro'], ['ro']]);
  });

  it('thaws before it unmounts', async () => {
    const rig = rigFor({ signature: { type: 'ext4', uuid } });
    await rig.mounts.mount({ source: fakeDevice.path, target: path, fstype: 'ext4', options: [] });
    await rig.driver.unstage({ assignment: assignmentOf(), path });
    expect(rig.writes).toEqual([`thaw ${path}`]);
    expect(rig.mounts.entries).toEqual([]);
  });

  it('has no device, and nothing that could be held, while EC2 has not made the volume', async () => {
    const rig = rigFor({ free: false });
    const { storage: _, ...unplaced } = assignmentOf({ actual: 'attaching' });
    expect(await rig.driver.device({ assignment: unplaced, path })).toBeUndefined();
    expect(await rig.driver.isFree({ assignment: unplaced, path })).toBe(true);
    expect(await stageAnyway(rig, unplaced)).toMatchObject({ code: 'DeviceRefused' });
  });
});
