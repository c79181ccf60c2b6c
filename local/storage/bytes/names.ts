import { execFile } from 'node:child_process';
import {
  access,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Loop } from '../state/entities.ts';

/** Where a host finds its devices by name; `byIdDir` and `udevDir` are that host's /dev/disk/by-id and /run/udev/data. */
export interface NameFolders {
  readonly byIdDir: string;
  readonly udevDir: string;
}

const rootUdev = '/run/udev/data';
const rulesDir = '/run/udev/rules.d';
const linkPrefix = 'nvme-Amazon_Elastic_Block_Store_';
const linkPattern = /^nvme-Amazon_Elastic_Block_Store_(vol[0-9a-f]+)$/;

/** `vol-0123` as an EBS volume's NVMe controller spells it. */
export const serialOf = (volumeId: string): string => volumeId.replace('-', '');

/** Gives the device the names that the volume has on a host: the by-id link, and the serial that lsblk shows. */
export async function publishNames(folders: NameFolders, volumeId: string, loop: Loop): Promise<void> {
  await mkdir(folders.byIdDir, { recursive: true });
  await mkdir(folders.udevDir, { recursive: true });
  await replaceLink(join(folders.byIdDir, linkPrefix + serialOf(volumeId)), loop.device);
  if (await udevRuns(folders)) return await writeRule(volumeId, loop);
  const properties = {
    ID_SERIAL: `Amazon_Elastic_Block_Store_${serialOf(volumeId)}`,
    ID_SERIAL_SHORT: serialOf(volumeId),
    ID_MODEL: 'Amazon Elastic Block Store',
  };
  const text = Object.entries(properties).map(([key, value]) => `E:${key}=${value}\n`);
  await replaceText(join(folders.udevDir, `b${loop.number}`), text.join(''));
}

/** The files that publishNames made, for whoever removes them while the device is still pinned. */
export function nameFiles(folders: NameFolders, volumeId: string, loop: Loop): readonly string[] {
  return [
    join(folders.byIdDir, linkPrefix + serialOf(volumeId)),
    ...(folders.udevDir === rootUdev ? [] : [join(folders.udevDir, `b${loop.number}`)]),
  ];
}

/** Takes the device's names away, from whichever volume they speak. */
export async function clearNames(folders: NameFolders, loop: Loop): Promise<void> {
  for (const name of await readdir(folders.byIdDir).catch(() => [])) {
    const path = join(folders.byIdDir, name);
    if (linkPattern.test(name) && (await readlink(path).catch(() => '')) === loop.device)
      await rm(path, { force: true });
  }
  if (await udevRuns(folders)) return await removeRule(loop);
  const data = join(folders.udevDir, `b${loop.number}`);
  const text = await readFile(data, 'utf8').catch(() => '');
  if (text.includes('E:ID_SERIAL_SHORT=vol')) await rm(data, { force: true });
}

/** Where udevd keeps the machine's own database, what we write there by hand would not last: it gets a rule instead. */
async function udevRuns(folders: NameFolders): Promise<boolean> {
  if (folders.udevDir !== rootUdev) return false;
  return await access('/run/udev/control').then(
    () => true,
    () => false,
  );
}

const ruleOf = (loop: Loop): string =>
  join(rulesDir, `61-hivemind-${loop.device.replace('/dev/', '')}.rules`);

async function writeRule(volumeId: string, loop: Loop): Promise<void> {
  const serial = serialOf(volumeId);
  const kernel = loop.device.replace('/dev/', '');
  await mkdir(rulesDir, { recursive: true });
  await replaceText(
    ruleOf(loop),
    `SUBSYSTEM=="block", KERNEL=="${kernel}", ENV{ID_SERIAL_SHORT}="${serial}", ENV{ID_SERIAL}="Amazon_Elastic_Block_Store_${serial}", ENV{ID_MODEL}="Amazon Elastic Block Store", SYMLINK+="disk/by-id/${linkPrefix}${serial}"\n`,
  );
  await tellUdev(loop);
}

async function removeRule(loop: Loop): Promise<void> {
  const there = await lstat(ruleOf(loop)).catch(() => undefined);
  if (!there) return;
  await rm(ruleOf(loop), { force: true });
  await tellUdev(loop);
}

async function tellUdev(loop: Loop): Promise<void> {
  const exec = promisify(execFile);
  await exec('udevadm', ['control', '--reload']);
  await exec('udevadm', ['trigger', '--action=change', '--settle', loop.device]);
}

async function replaceLink(path: string, target: string): Promise<void> {
  await rm(`${path}.new`, { force: true });
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
}

async function replaceText(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
