import { chmod, chown, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';
import type { Assignment } from '#shared/model/host.ts';
import type { Owner } from '#shared/model/volume.ts';
import type { BlockDevice, Blocks, HeldDevice, Signature } from '#agent/host/blocks.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';
import type { Driver, Stage } from '../driver.ts';
import { mountOptions } from '../options.ts';
import { removeEmpty, unmount } from '../unmount.ts';
import type { Format } from './filesystem.ts';
import { formatOnce, type FormatPorts } from './format.ts';
import { holdDevice, type DevicePorts } from './hold-device.ts';

export interface EbsPorts extends FormatPorts, DevicePorts {
  readonly mounts: Mounts;
}

const dataDirectory = 'data';

/** Block storage that one host writes at a time. */
export function ebsDriver(ports: EbsPorts): Driver {
  const { blocks, mounts, filesystems } = ports;
  return {
    name: 'ebs',
    async stage(stage) {
      const mounted = mountedAt(await mounts.list(), stage.path) !== undefined;
      const assignment = mounted ? stage.assignment : await formatAndMount(ports, stage);
      await prepareData(ports, { ...stage, assignment });
      return assignment;
    },
    dataPath: ({ path }) => join(path, dataDirectory),
    async unstage({ path, assignment }) {
      if (mountedAt(await mounts.list(), path) !== undefined) {
        // umount of a frozen ext4 returns 0 and leaves the device frozen: measured.
        await filesystems.thaw(path); // guard: thaw-first
        await unmount(mounts, path, assignment);
      }
      await removeEmpty(path);
    },
    async isFree({ assignment }) {
      const device = await deviceOf(blocks, assignment);
      return device === undefined || blocks.isFree(device.path);
    },
    fence: (path) => filesystems.shutdown(path),
    async device({ assignment }) {
      return (await deviceOf(blocks, assignment))?.number;
    },
  };
}

async function formatAndMount(ports: EbsPorts, stage: Stage): Promise<Assignment> {
  const device = await holdDevice(ports, serialOf(stage.assignment));
  try {
    const assignment = await formatOnce(ports, stage.assignment, device);
    const format = formatOf(assignment);
    await verify(ports, device, format);
    await mountFilesystem(ports, { stage: { ...stage, assignment }, device, format });
    return assignment;
  } finally {
    await device.close();
  }
}

function formatOf({ name, filesystem }: Assignment): Format {
  if (filesystem.state === 'formatted') return filesystem;
  throw new ProductError('Conflict', `The control plane does not count volume "${name}" as formatted.`, {
    hint: 'It was not mounted. Try again.',
  });
}

/** The volume's device, if this host has it; a volume that EC2 has not made yet has none. */
async function deviceOf(blocks: Blocks, assignment: Assignment): Promise<BlockDevice | undefined> {
  return assignment.storage === undefined ? undefined : blocks.find(serialOf(assignment));
}

export function serialOf({ name, storage }: Pick<Assignment, 'name' | 'storage'>): string {
  if (storage?.kind === 'ebs') return storage.volumeId;
  throw new ProductError('DeviceRefused', `The control plane names no EBS volume for "${name}".`, {
    hint: 'Wait for the attach to end and try again.',
  });
}

/** At every mount the UUID must be the recorded one. */
async function verify({ blocks }: EbsPorts, device: HeldDevice, format: Format): Promise<void> {
  const found = await blocks.signature(device.path);
  const matches = found?.uuid === format.uuid && found.type === format.type;
  if (!matches) throw foreignFilesystem(device, format, found); // guard: uuid-matches
}

function foreignFilesystem(device: HeldDevice, format: Format, found: Signature | undefined): ProductError {
  const there = found === undefined ? 'nothing' : `${found.type} ${found.uuid}`;
  const text = `${device.serial} should hold ${format.type} ${format.uuid}, but holds ${there}.`;
  return new ProductError('DeviceRefused', text, {
    hint: 'It was not mounted. Its content was changed outside Hivemind: restore it from a backup.',
  });
}

async function mountFilesystem(
  { mounts }: EbsPorts,
  { stage, device, format }: { stage: Stage; device: HeldDevice; format: Format },
): Promise<void> {
  await mkdir(stage.path, { recursive: true, mode: 0o700 });
  const options = mountOptions(format.type, stage.assignment.options);
  // A restored copy has its original's UUID, and XFS would refuse it beside the original; we compare UUIDs ourselves.
  if (format.type === 'xfs') options.push('nouuid');
  const { filesystem, readOnly } = stage.assignment;
  if (readOnly && filesystem.state === 'formatted' && filesystem.mounted) options.push('ro');
  await mounts.mount({ source: device.path, target: stage.path, fstype: format.type, options });
}

/** A directory inside the filesystem, so that lost+found is not seen and Docker's copy-up works. */
async function prepareData({ mounts }: EbsPorts, { path, assignment }: Stage): Promise<void> {
  const data = join(path, dataDirectory);
  if (!(await isDirectory(data))) {
    // A crash may have come between the first mount, which is reported, and this: then it is mounted read-only by now.
    if (assignment.readOnly) await mounts.remount(path, ['rw']);
    await createOnce(data, assignment.owner);
  }
  if (assignment.readOnly) await mounts.remount(path, ['ro']);
}

/** Owner and mode are set once: what a container changes later stays. A crash in between leaves no half-made one. */
export async function createOnce(path: string, owner: Owner): Promise<void> {
  const making = `${path}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making);
  await chown(making, owner.uid, owner.gid);
  await chmod(making, Number.parseInt(owner.mode, 8));
  await rename(making, path);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch {
    return false;
  }
}
