import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import type { Exec } from './exec.ts';

/** A block device of this host that carries an EBS serial. */
export interface BlockDevice {
  readonly path: string;
  /** As lsblk says it, e.g. "vol0123…". */
  readonly serial: string;
  /** "MAJ:MIN". */
  readonly number: string;
  readonly sizeBytes: number;
}

/** A device held open: while it is, its number cannot come to mean another device. */
export interface HeldDevice extends BlockDevice {
  close(): Promise<void>;
}

/** What libblkid finds on a device. */
export interface Signature {
  readonly type: string;
  readonly uuid: string;
}

export interface Blocks {
  /** Contract 2: by serial only. Undefined when no device has it. @throws DeviceRefused when more than one has. */
  find(serial: string): Promise<BlockDevice | undefined>;
  /** Opens the device and looks again that the open one is the one with that serial. */
  hold(device: BlockDevice): Promise<HeldDevice>;
  /** Contract 1: everything that speaks against emptiness, in words; nothing = empty. */
  contents(path: string): Promise<string[]>;
  /** The filesystem on it, by its own superblock, never from a cache. */
  signature(path: string): Promise<Signature | undefined>;
  /** Whether nothing on this host holds it: an O_EXCL open succeeds. */
  isFree(path: string): Promise<boolean>;
}

const Lsblk = z.object({
  blockdevices: z.array(
    z.object({
      path: z.string(),
      serial: z.string().nullable().optional(),
      'maj:min': z.string(),
      size: z.coerce.number(),
    }),
  ),
});
const Wipefs = z.object({
  signatures: z.array(
    z.object({ type: z.string(), offset: z.string(), uuid: z.string().nullable().optional() }),
  ),
});

const probeBytes = 2 ** 20;
/** blkid -p: nothing found. Source: blkid(8), exit status. */
const nothingFound = 2;

/** "vol-0123" and "vol0123" are the same volume: NVMe serials have no dash. */
export function plainSerial(serial: string): string {
  return serial.trim().replace(/^vol-/, 'vol');
}

function hasSerial(device: BlockDevice, serial: string): boolean {
  return plainSerial(device.serial) === plainSerial(serial);
}

export function systemBlocks(exec: Exec): Blocks {
  const find = async (serial: string): Promise<BlockDevice | undefined> => {
    const devices = await listDevices(exec);
    const found = devices.filter((device) => hasSerial(device, serial)); // guard: device-serial off: const found = devices.slice(0, 1);
    if (found.length > 1) {
      throw refused(`${found.map(({ path }) => path).join(' and ')} both say they are ${serial}.`);
    }
    return found[0];
  };
  return {
    find,
    hold: async (device) => holdOpen(device, find),
    contents: async (path) => contentsOf(exec, path),
    signature: async (path) => signatureOf(exec, path),
    isFree: async (path) => isFree(path),
  };
}

async function listDevices(exec: Exec): Promise<BlockDevice[]> {
  const columns = 'NAME,PATH,SERIAL,MAJ:MIN,SIZE,TYPE';
  const { stdout } = await exec.run('lsblk', ['--json', '--bytes', '--nodeps', '--all', '-o', columns]);
  return Lsblk.parse(JSON.parse(stdout)).blockdevices.flatMap(({ path, serial, size, ...rest }) =>
    serial === null || serial === undefined || serial === ''
      ? []
      : [{ path, serial, number: rest['maj:min'].trim(), sizeBytes: size }],
  );
}

async function holdOpen(device: BlockDevice, find: Blocks['find']): Promise<HeldDevice> {
  const handle = await open(device.path, constants.O_RDONLY);
  try {
    const opened = deviceNumber((await handle.stat()).rdev);
    const now = await find(device.serial);
    const same = opened === device.number && now?.number === opened && now.path === device.path;
    if (!same) throw refused(`${device.path} stopped being ${device.serial} while it was opened.`); // guard: device-held
    return { ...device, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Linux dev_t as stat gives it: 12 bits of major, 20 of minor, interleaved. Source: makedev(3), glibc. */
export function deviceNumber(rdev: number): string {
  const dev = BigInt(rdev);
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

async function contentsOf(exec: Exec, path: string): Promise<string[]> {
  const { stdout } = await exec.run('wipefs', ['--no-act', '--json', path]);
  const wiped = stdout.trim() === '' ? [] : Wipefs.parse(JSON.parse(stdout)).signatures;
  const signature = await signatureOf(exec, path);
  const unread = await nonZeroEnds(path);
  return [
    ...wiped.map(({ type, offset }) => `wipefs finds a ${type} signature at ${offset}`),
    ...(signature === undefined ? [] : [`blkid finds ${signature.type} ${signature.uuid}`]),
    ...unread.map((end) => `the ${end} MiB is not all zero`),
  ];
}

async function signatureOf(exec: Exec, path: string): Promise<Signature | undefined> {
  const accept = [0, nothingFound];
  const { code, stdout } = await exec.run('blkid', ['--probe', '--output', 'export', path], { accept });
  if (code === nothingFound) return undefined;
  const values = new Map(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
  return { type: values.get('TYPE') ?? values.get('PTTYPE') ?? 'unknown', uuid: values.get('UUID') ?? '' };
}

async function nonZeroEnds(path: string): Promise<string[]> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const size = await sizeOf(handle);
    const last = Math.max(0, size - probeBytes);
    const ends = [
      ['first', 0],
      ['last', last],
    ] as const;
    const found: string[] = [];
    for (const [end, position] of ends) if (!(await isZero(handle, position))) found.push(end);
    return found;
  } finally {
    await handle.close();
  }
}

/** stat says 0 for a block device: sysfs knows, in 512-byte sectors. */
async function sizeOf(handle: FileHandle): Promise<number> {
  const stat = await handle.stat();
  if (!stat.isBlockDevice()) return stat.size;
  const sysfs = await open(`/sys/dev/block/${deviceNumber(stat.rdev)}/size`, constants.O_RDONLY);
  try {
    return Number((await sysfs.readFile('utf8')).trim()) * 512;
  } finally {
    await sysfs.close();
  }
}

async function isZero(handle: FileHandle, position: number): Promise<boolean> {
  const buffer = Buffer.alloc(probeBytes);
  const { bytesRead } = await handle.read(buffer, 0, probeBytes, position);
  return bytesRead > 0 && buffer.subarray(0, bytesRead).every((byte) => byte === 0);
}

/** O_EXCL without O_CREAT on a block device claims it: EBUSY while any mount, mkfs or fsck of any namespace has it. */
async function isFree(path: string): Promise<boolean> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_EXCL);
    await handle.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENXIO') return true;
    return false;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function refused(message: string): ProductError {
  return new ProductError('DeviceRefused', message, {
    hint: 'Nothing was written. Detach and attach the volume again; if it stays so, look at "lsblk -o NAME,SERIAL" on the host.',
  });
}
