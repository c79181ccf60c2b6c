import { constants } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceNumber, systemBlocks } from '#agent/host/blocks.ts';
import { fakeExec } from './fakes.ts';

interface Row {
  path: string;
  serial: string | null;
  'maj:min': string;
  size: number;
}
const row = (path: string, serial: string | null, number = '259:1'): Row => ({
  path,
  serial,
  'maj:min': number,
  size: 2 ** 30,
});
const lsblk = (...blockdevices: Row[]) => fakeExec({ lsblk: JSON.stringify({ blockdevices }) });

describe('finding a device', () => {
  const root = row('/dev/nvme0n1', 'vol0aaaaaaaaaaaaaaaa', '259:0');
  const data = row('/dev/nvme1n1', 'vol0123456789abcdef0');

  it.each(['vol-0123456789abcdef0', 'vol0123456789abcdef0'])(
    'takes the one whose serial is %s',
    async (serial) => {
      const blocks = systemBlocks(lsblk(root, row('/dev/loop0', null), data));
      expect(await blocks.find(serial)).toMatchObject({ path: '/dev/nvme1n1', number: '259:1' });
    },
  );

  it('finds none by anything but its serial', async () => {
    expect(
      await systemBlocks(lsblk(root, row('/dev/sdf', null))).find('vol-0123456789abcdef0'),
    ).toBeUndefined();
  });

  it('refuses when two say they are it', async () => {
    const blocks = systemBlocks(lsblk(data, row('/dev/nvme2n1', 'vol0123456789abcdef0', '259:2')));
    await expect(blocks.find('vol-0123456789abcdef0')).rejects.toMatchObject({ code: 'DeviceRefused' });
  });
});

describe('holding a device', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hivemind-blocks-'));
  });
  afterAll(async () => {
    await rm(dir, { recursive: true });
  });

  it('refuses when what was opened is not what was found', async () => {
    // A plain file has no device number: whatever lsblk says, the open one is another.
    const path = join(dir, 'not-a-device');
    await writeFile(path, '');
    const blocks = systemBlocks(lsblk(row(path, 'vol0123456789abcdef0', '259:1')));
    const device = { path, serial: 'vol0123456789abcdef0', number: '259:1', sizeBytes: 1 };
    await expect(blocks.hold(device)).rejects.toMatchObject({ code: 'DeviceRefused' });
  });

  it('reads device numbers as the kernel writes them', async () => {
    const handle = await open('/dev/null', constants.O_RDONLY);
    expect(deviceNumber((await handle.stat()).rdev)).toBe('1:3');
    await handle.close();
    expect(deviceNumber(0x10301)).toBe('259:1');
    expect(deviceNumber(0x100700)).toBe('7:256');
  });
});

describe('looking for contents', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hivemind-blocks-'));
  });
  afterAll(async () => {
    await rm(dir, { recursive: true });
  });
  const none = { wipefs: '', blkid: '' };
  const imageOf = async (name: string, write?: { at: number }): Promise<string> => {
    const path = join(dir, name);
    const image = Buffer.alloc(4 * 2 ** 20);
    if (write !== undefined) image[write.at] = 1;
    await writeFile(path, image);
    return path;
  };
  const exec = () => {
    const fake = fakeExec(none);
    const run: typeof fake.run = async (file, args, options) => ({
      ...(await fake.run(file, args, options)),
      code: file === 'blkid' ? 2 : 0,
    });
    return { ...fake, run };
  };

  it('finds nothing on zeros', async () => {
    expect(await systemBlocks(exec()).contents(await imageOf('zeros'))).toEqual([]);
  });

  it.each([
    ['first', 2 ** 20 - 1],
    ['last', 3 * 2 ** 20],
  ])('finds one byte in the %s MiB', async (end, at) => {
    expect(await systemBlocks(exec()).contents(await imageOf(end, { at }))).toEqual([
      `the ${end} MiB is not all zero`,
    ]);
  });

  it('names what wipefs and blkid find', async () => {
    const wipefs = JSON.stringify({ signatures: [{ type: 'LVM2_member', offset: '0x218', uuid: null }] });
    const both = fakeExec({ wipefs, blkid: 'UUID=abc\nTYPE=LVM2_member\n' });
    expect(await systemBlocks(both).contents(await imageOf('lvm'))).toEqual([
      'wipefs finds a LVM2_member signature at 0x218',
      'blkid finds LVM2_member abc',
    ]);
  });
});
