import { mapLimit } from '#shared/model/map-limit.ts';
import {
  backingFile,
  bindLoop,
  fenceLoop,
  isAutoclear,
  isFenced,
  keepLoop,
  releaseLoop,
} from '../bytes/loops.ts';
import { gib } from '../bytes/disk.ts';
import { clearNames, nameFiles, publishNames } from '../bytes/names.ts';
import type { Cloud } from '../cloud.ts';
import { nowIso } from '../cloud.ts';
import { StorageFault } from '../errors.ts';
import type { Attachment, Loop } from '../state/entities.ts';

// Every function here runs under the volume's lock (`work.locked(volumeId, …)`).

/** Gives the attachment a device on its host, or the names of the one it has. */
export async function openDevice(cloud: Cloud, volumeId: string): Promise<void> {
  const attachment = cloud.store.get('attachments', volumeId);
  const instance = attachment && cloud.store.get('instances', attachment.instanceId);
  if (!attachment || !instance) return;
  const loop = (await soundLoop(cloud, attachment)) ?? (await bindNew(cloud, volumeId));
  await publishNames(instance, volumeId, loop);
}

/** The attachment's own device if it is bound to its image and was not fenced before a crash. */
async function soundLoop(cloud: Cloud, { volumeId, loop }: Attachment): Promise<Loop | undefined> {
  if (!loop || (await backingFile(loop)) !== cloud.disk.volume(volumeId)) return undefined;
  if (await isFenced(loop)) {
    recordFenced(cloud, volumeId, loop);
    return undefined;
  }
  if (await isAutoclear(loop)) await keepLoop(loop);
  return loop;
}

async function bindNew(cloud: Cloud, volumeId: string): Promise<Loop> {
  const size = cloud.store.get('volumes', volumeId)?.size;
  if (size === undefined) throw new StorageFault(`${volumeId} has no record: its size is not known`);
  const bytes = size * gib;
  // One at a time: else all who attach at once are offered the same free number, and all but one try again.
  const loop = await cloud.work.locked('loop-numbers', () =>
    bindLoop({ image: cloud.disk.volume(volumeId), bytes }, (next) => forgetNames(cloud, next)),
  );
  cloud.store.patch('attachments', volumeId, { loop });
  await cloud.store.commit();
  return loop;
}

/** Removes whatever names an earlier owner of the number left on any host. */
async function forgetNames(cloud: Cloud, loop: Loop): Promise<void> {
  await mapLimit(cloud.store.list('instances'), 4, (instance) => clearNames(instance, loop));
}

/** Cuts the holder off: when this returns no I/O through the old device can reach the volume. */
export async function fenceDevice(cloud: Cloud, volumeId: string): Promise<void> {
  const attachment = cloud.store.get('attachments', volumeId);
  const loop = attachment?.loop;
  if (!attachment || !loop) return;
  const bound = (await backingFile(loop)) === cloud.disk.volume(volumeId);
  if (bound) await fenceLoop(loop);
  const instance = cloud.store.get('instances', attachment.instanceId);
  if (instance) await clearNames(instance, loop);
  cloud.store.patch('attachments', volumeId, { loop: undefined });
  if (bound) recordFenced(cloud, volumeId, loop);
  await cloud.store.commit();
}

/** Notes a device that is worth nothing any more, and frees it as soon as its holder lets go. */
export function recordFenced(cloud: Cloud, volumeId: string, loop: Loop): void {
  cloud.store.put('fenced', loop.device, { loop, volumeId, since: nowIso() });
  watchFenced(cloud, loop, true);
}

/** Polls until the fenced device is free; `first` asks the kernel to free it, which it then remembers. */
export function watchFenced(cloud: Cloud, loop: Loop, first: boolean): void {
  cloud.work.later(`fenced/${loop.device}`, first ? 0 : cloud.settings.latency.busyPoll, async () => {
    const record = cloud.store.get('fenced', loop.device);
    if (!record) return;
    const stillOurs =
      (await backingFile(loop)) === cloud.disk.volume(record.volumeId) && (await isFenced(loop));
    if (stillOurs && (!first || (await releaseLoop(loop)) === 'held')) return watchFenced(cloud, loop, false);
    cloud.store.delete('fenced', loop.device);
    await cloud.store.commit();
  });
}

/** Lets the device go if nothing holds it. @returns whether it is gone; while not, the kernel frees it at the last close */
export async function releaseDevice(cloud: Cloud, volumeId: string): Promise<boolean> {
  const attachment = cloud.store.get('attachments', volumeId);
  const loop = attachment?.loop;
  if (!attachment || !loop) return true;
  const instance = cloud.store.get('instances', attachment.instanceId);
  if ((await backingFile(loop)) === cloud.disk.volume(volumeId)) {
    const asked = await isAutoclear(loop);
    if (asked) return false;
    const names = instance ? nameFiles(instance, volumeId, loop) : [];
    if ((await releaseLoop(loop, names)) === 'held') return false;
  }
  if (instance) await clearNames(instance, loop);
  cloud.store.patch('attachments', volumeId, { loop: undefined });
  return true;
}

/** Lets the device go for now if nothing holds it; the attachment stays, and the next start makes another device. */
export async function releaseIdle(cloud: Cloud, volumeId: string): Promise<void> {
  const loop = cloud.store.get('attachments', volumeId)?.loop;
  if (!loop || (await releaseDevice(cloud, volumeId))) return;
  if ((await backingFile(loop)) === cloud.disk.volume(volumeId)) await keepLoop(loop);
}
