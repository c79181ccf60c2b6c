import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostA, type Rig } from './agent.ts';
import { run } from './sandbox.ts';

/**
 * The device of a volume as it is now, on another one of host A: as EC2 restores a snapshot. Copying takes its time, a
 * snapshot none: nothing is written to the filesystem, which shows at `path`, meanwhile.
 */
export async function copyOf({ cloud, devices }: Rig, { name, path }: { name: string; path: string }) {
  const { serial: source, filesystem, id } = cloud.volume(name);
  const serial = `vol-${randomUUID().replaceAll('-', '').slice(0, 17)}`;
  await run('fsfreeze', ['--freeze', path]);
  try {
    // Of the image: what was read of the device before (its headers, by blkid) may be stale in the device's own cache.
    await run('cp', ['--sparse=always', devices.imageOf(source), devices.imageOf(serial)]);
  } finally {
    await run('fsfreeze', ['--unfreeze', path]);
  }
  const { size } = await stat(devices.imageOf(serial));
  await devices.give(hostA, serial, size);
  if (filesystem.state !== 'formatted') throw new TypeError(`the volume is ${filesystem.state}`);
  const { type, uuid } = filesystem;
  return { serial, volumeId: id, filesystem: { type, uuid } };
}
