import { mapLimit } from '#shared/model/map-limit.ts';
import { type Cloud, nowIso } from '../cloud.ts';
import type { Instance } from '../state/entities.ts';
import { attachmentsOf, completeDetach, hasPower } from './attachments.ts';
import { fenceDevice, openDevice } from './devices.ts';
import { emitInstanceEvent } from './ec2-events.ts';
import { finishDeleteLater } from './volumes.ts';

const key = (id: string): string => `instance/${id}`;
const atOnce = 4;

/** Begins a transition; {@link finishPowerLater} ends it. */
export async function beginPower(
  cloud: Cloud,
  instance: Instance,
  state: 'pending' | 'stopping' | 'shutting-down',
): Promise<void> {
  const stateReason =
    state === 'pending' ? undefined : 'Client.UserInitiatedShutdown: User initiated shutdown';
  const started = state === 'pending' ? { launchTime: nowIso(), crashed: false } : {};
  emitInstanceEvent(
    cloud,
    cloud.store.put('instances', instance.id, { ...instance, state, stateReason, ...started }),
  );
  await cloud.store.commit();
}

/**
 * Ends the transition that an instance is in. `stopped` and `terminated` are said only when every device of the
 * instance is fenced: from then on a hand-over needs no word from the host.
 */
export function finishPowerLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(key(id), delayMs, () => finishPower(cloud, id));
}

async function finishPower(cloud: Cloud, id: string): Promise<void> {
  const instance = cloud.store.get('instances', id);
  switch (instance?.state) {
    case 'pending':
      await openDevices(cloud, id);
      return await arrive(cloud, id, { state: 'running' });
    case 'stopping':
      await fenceAll(cloud, id, { leave: false });
      return await arrive(cloud, id, { state: 'stopped', crashed: false, burntNames: [] });
    case 'shutting-down':
      await fenceAll(cloud, id, { leave: true });
      return await arrive(cloud, id, { state: 'terminated', crashed: false, burntNames: [] });
    default:
  }
}

async function arrive(cloud: Cloud, id: string, change: Partial<Instance>): Promise<void> {
  const instance = cloud.store.patch('instances', id, change);
  if (instance) emitInstanceEvent(cloud, instance);
  await cloud.store.commit();
}

/** Makes devices for everything attached to an instance that has power. */
export async function openDevices(cloud: Cloud, id: string): Promise<void> {
  const ids = attachmentsOf(cloud, id).map(({ volumeId }) => volumeId);
  await mapLimit(ids, atOnce, (volumeId) =>
    cloud.work.locked(volumeId, async () => {
      const attachment = cloud.store.get('attachments', volumeId);
      if (attachment?.instanceId === id && attachment.state === 'attached') await openDevice(cloud, volumeId);
    }),
  );
}

/** Fences every device; what was being detached is detached, and with `leave` everything else too. */
async function fenceAll(cloud: Cloud, id: string, { leave }: { leave: boolean }): Promise<void> {
  const ids = attachmentsOf(cloud, id).map(({ volumeId }) => volumeId);
  await mapLimit(ids, atOnce, (volumeId) =>
    cloud.work.locked(volumeId, async () => {
      const attachment = cloud.store.get('attachments', volumeId);
      if (attachment?.instanceId !== id) return;
      await fenceDevice(cloud, volumeId);
      const leaving = attachment.state === 'detaching' || attachment.state === 'busy';
      if (leave || leaving) await completeDetach(cloud, volumeId);
      else cloud.store.patch('attachments', volumeId, { state: 'attached', stuck: undefined });
      if (leave && attachment.deleteOnTermination) {
        cloud.store.patch('volumes', volumeId, { state: 'deleting' });
        finishDeleteLater(cloud, volumeId, 0);
      }
    }),
  );
}

/** Power is lost now: nothing that the host has not written reaches a volume any more. EC2 notices nothing. */
export async function crash(cloud: Cloud, id: string): Promise<void> {
  cloud.store.patch('instances', id, { crashed: true });
  await cloud.store.commit();
  await cloud.work.locked(key(id), async () => {
    const ids = attachmentsOf(cloud, id).map(({ volumeId }) => volumeId);
    await mapLimit(ids, atOnce, (volumeId) =>
      cloud.work.locked(volumeId, async () => {
        if (cloud.store.get('attachments', volumeId)?.instanceId === id) await fenceDevice(cloud, volumeId);
      }),
    );
  });
}

/** Power is back after a crash, or the instance was told to reboot: a new boot, new devices. */
export async function powerOn(cloud: Cloud, id: string): Promise<void> {
  await cloud.work.locked(key(id), async () => {
    cloud.store.patch('instances', id, { crashed: false, launchTime: nowIso() });
    await cloud.store.commit();
    const instance = cloud.store.get('instances', id);
    if (instance && hasPower(instance)) await openDevices(cloud, id);
  });
}
