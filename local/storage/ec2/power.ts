import { mapLimit } from '#shared/model/map-limit.ts';
import { type Cloud, nowIso } from '../cloud.ts';
import type { Instance } from '../state/entities.ts';
import { attachmentsOf, completeDetach, hasPower } from './attachments.ts';
import { fenceDevice, openDevice } from './devices.ts';
import { emitInstanceEvent } from './ec2-events.ts';
import { finishDeleteLater } from './volumes.ts';

/*
 * A change of power is first put into the instance's record and then settled, device by device, by what the record says
 * at that moment: whichever changes cross, the last one's settling brings the devices in line. Changes of one instance
 * are settled one after the other, so that no power loss is missed between two of them.
 */

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
    cloud.store.put('instances', instance.id, {
      ...instance,
      state,
      stateReason,
      booting: undefined,
      ...started,
    }),
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
      // Devices show before EC2 says `running`.
      cloud.store.patch('instances', id, { booting: true });
      await settleDevices(cloud, id);
      return await arrive(cloud, instance, { state: 'running', booting: undefined });
    case 'stopping':
      await settleDevices(cloud, id);
      await endAttachments(cloud, id, { all: false });
      return await arrive(cloud, instance, { state: 'stopped', crashed: false, burntNames: [] });
    case 'shutting-down':
      await settleDevices(cloud, id);
      await endAttachments(cloud, id, { all: true });
      return await arrive(cloud, instance, { state: 'terminated', crashed: false, burntNames: [] });
    default:
  }
}

/** A transition that another one has overtaken meanwhile arrives nowhere. */
async function arrive(cloud: Cloud, { id, state: from }: Instance, change: Partial<Instance>): Promise<void> {
  if (cloud.store.get('instances', id)?.state !== from) return;
  const instance = cloud.store.patch('instances', id, change);
  if (instance) emitInstanceEvent(cloud, instance);
  await cloud.store.commit();
}

/** Makes what is attached to the instance show if it has power now, and fences it if not. */
export async function settleDevices(cloud: Cloud, id: string): Promise<void> {
  await eachAttached(cloud, id, async (volumeId) => {
    const attachment = cloud.store.get('attachments', volumeId);
    const instance = cloud.store.get('instances', id);
    if (!instance || !hasPower(instance)) await fenceDevice(cloud, volumeId);
    else if (attachment?.state === 'attached') await openDevice(cloud, volumeId);
  });
}

/** After the fence: what was being detached is detached, with `all` everything else too. */
async function endAttachments(cloud: Cloud, id: string, { all }: { all: boolean }): Promise<void> {
  await eachAttached(cloud, id, async (volumeId) => {
    const attachment = cloud.store.get('attachments', volumeId);
    const leaving = attachment?.state === 'detaching' || attachment?.state === 'busy';
    if (all || leaving) await completeDetach(cloud, volumeId);
    else cloud.store.patch('attachments', volumeId, { state: 'attached', stuck: undefined });
    if (all && attachment?.deleteOnTermination) {
      cloud.store.patch('volumes', volumeId, { state: 'deleting' });
      finishDeleteLater(cloud, volumeId, 0);
    }
  });
}

/** Runs the step for each volume attached to the instance, under the volume's lock, if it still is then. */
async function eachAttached(
  cloud: Cloud,
  id: string,
  step: (volumeId: string) => Promise<void>,
): Promise<void> {
  const ids = attachmentsOf(cloud, id).map(({ volumeId }) => volumeId);
  await mapLimit(ids, atOnce, (volumeId) =>
    cloud.work.locked(volumeId, async () => {
      if (cloud.store.get('attachments', volumeId)?.instanceId === id) await step(volumeId);
    }),
  );
}

/** Power is lost now: nothing that the host has not written reaches a volume any more. EC2 notices nothing. */
export async function crash(cloud: Cloud, id: string): Promise<void> {
  await cloud.work.locked(key(id), async () => {
    const state = cloud.store.get('instances', id)?.state;
    if (state === 'running' || state === 'pending') await setPower(cloud, id, { crashed: true });
  });
}

/** Power is back after a crash, or the instance was told to reboot: a new boot, new devices. */
export async function powerOn(cloud: Cloud, id: string): Promise<void> {
  await cloud.work.locked(key(id), () => setPower(cloud, id, { crashed: false, launchTime: nowIso() }));
}

async function setPower(cloud: Cloud, id: string, change: Partial<Instance>): Promise<void> {
  cloud.store.patch('instances', id, change);
  await cloud.store.commit();
  await settleDevices(cloud, id);
}

/** Resolves when no change of the instance is being settled. */
export async function powerSettled(cloud: Cloud, id: string): Promise<void> {
  await cloud.work.locked(key(id), () => Promise.resolve());
}
