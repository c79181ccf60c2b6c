import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { mapLimit } from '#shared/model/map-limit.ts';
import { publishNames } from '../bytes/names.ts';
import type { CallLog } from '../call-log.ts';
import type { Cloud } from '../cloud.ts';
import { attachmentsOf, hasPower } from '../ec2/attachments.ts';
import { openDevice } from '../ec2/devices.ts';
import { instanceFrom } from '../ec2/instances.ts';
import { checkId } from '../ec2/lookup.ts';
import { beginPower, crash, finishPowerLater, powerOn, powerSettled } from '../ec2/power.ts';
import { AwsError } from '../errors.ts';
import { fileSystemSchema, putFileSystem } from './filesystems.ts';
import { resourceFacts } from './resources.ts';
import { faultSchema, type Faults } from '../faults.ts';
import type { Instance } from '../state/entities.ts';
import type { AdminRoute } from './server.ts';

interface Parts {
  readonly cloud: Cloud;
  readonly faults: Faults;
  readonly calls: CallLog;
  /** Answers that were not what AWS's models say; any is a bug of this service. */
  readonly invalidAnswers: readonly string[];
  readonly reset: () => Promise<void>;
}

const machineSchema = z.strictObject({
  name: z.string().min(1),
  availabilityZone: z.string(),
  instanceType: z.string(),
  privateIpAddress: z.string(),
  byIdDir: z.string().startsWith('/'),
  udevDir: z.string().startsWith('/'),
  tags: z.record(z.string(), z.string()).default({}),
  roleArn: z.string().optional(),
});

const powerSchema = z.strictObject({ to: z.enum(['running', 'stopped', 'terminated']) });

/** The admin interface: what a data centre's staff can do, and what tests need to see. */
export function adminRoutes({ cloud, faults, calls, invalidAnswers, reset }: Parts): readonly AdminRoute[] {
  const { store } = cloud;
  return [
    { method: 'GET', path: /^\/health$/, handle: () => ({ status: 'ok', pid: process.pid, invalidAnswers }) },
    { method: 'GET', path: /^\/instances$/, handle: () => store.list('instances') },
    {
      method: 'PUT',
      path: /^\/instances\/(i-[0-9a-f]+)$/,
      handle: ({ params: [id = ''], body }) => putInstance(cloud, id, machineSchema.parse(body)),
    },
    {
      method: 'POST',
      path: /^\/instances\/(i-[0-9a-f]+)\/power$/,
      handle: ({ params: [id = ''], body }) => power(cloud, id, powerSchema.parse(body).to),
    },
    {
      method: 'POST',
      path: /^\/instances\/(i-[0-9a-f]+)\/crash$/,
      handle: ({ params: [id = ''] }) => crash(cloud, known(cloud, id).id),
    },
    {
      method: 'DELETE',
      path: /^\/instances\/(i-[0-9a-f]+)$/,
      handle: ({ params: [id = ''] }) => forgetInstance(cloud, id),
    },
    { method: 'GET', path: /^\/volumes$/, handle: () => store.list('volumes') },
    { method: 'GET', path: /^\/snapshots$/, handle: () => store.list('snapshots') },
    { method: 'GET', path: /^\/attachments$/, handle: () => store.list('attachments') },
    { method: 'GET', path: /^\/fenced$/, handle: () => store.list('fenced') },
    {
      method: 'PUT',
      path: /^\/filesystems\/(fs-[0-9a-f]{8,40})$/,
      handle: ({ params: [id = ''], body }) => putFileSystem(cloud, id, fileSystemSchema.parse(body)),
    },
    { method: 'GET', path: /^\/filesystems$/, handle: () => store.list('fileSystems') },
    { method: 'GET', path: /^\/accesspoints$/, handle: () => store.list('accessPoints') },
    { method: 'GET', path: /^\/recoverypoints$/, handle: () => store.list('recoveryPoints') },
    {
      method: 'GET',
      path: /^\/resources\/(.+)$/,
      handle: ({ params: [id = ''] }) => resourceFacts(cloud, decodeURIComponent(id)),
    },
    { method: 'GET', path: /^\/calls$/, handle: ({ query }) => calls.since(Number(query.get('since') ?? 0)) },
    { method: 'DELETE', path: /^\/calls$/, handle: () => calls.clear() },
    { method: 'GET', path: /^\/faults$/, handle: () => faults.list() },
    { method: 'PUT', path: /^\/faults$/, handle: ({ body }) => faults.set(z.array(faultSchema).parse(body)) },
    { method: 'DELETE', path: /^\/faults$/, handle: () => faults.set([]) },
    { method: 'POST', path: /^\/reset$/, handle: () => reset() },
  ];
}

async function putInstance(
  cloud: Cloud,
  id: string,
  machine: z.infer<typeof machineSchema>,
): Promise<Instance> {
  checkId('instances', id);
  const before = cloud.store.get('instances', id);
  if (before?.state === 'terminated')
    throw new AwsError('IncorrectInstanceState', `The instance '${id}' is terminated`, { status: 409 });
  const instance = cloud.store.put('instances', id, instanceFrom(id, machine, before));
  await cloud.store.commit();
  // The folders may be new, or empty after a reboot of the machine.
  await mapLimit(attachmentsOf(cloud, id), 4, ({ volumeId }) =>
    cloud.work.locked(volumeId, () => republish(cloud, volumeId)),
  );
  return instance;
}

async function republish(cloud: Cloud, volumeId: string): Promise<void> {
  const attachment = cloud.store.get('attachments', volumeId);
  const instance = attachment && cloud.store.get('instances', attachment.instanceId);
  if (!attachment || !instance || !hasPower(instance)) return;
  if (attachment.state === 'attached') await openDevice(cloud, volumeId);
  else if (attachment.state === 'busy' && attachment.loop)
    await publishNames(instance, volumeId, attachment.loop);
}

const targets = {
  running: { begin: 'pending', done: 'running', from: ['stopped', 'stopping'] },
  stopped: { begin: 'stopping', done: 'stopped', from: ['running', 'pending'] },
  terminated: {
    begin: 'shutting-down',
    done: 'terminated',
    from: ['running', 'pending', 'stopping', 'stopped'],
  },
} as const;

/** Answers when the instance is there; `stopped` and `terminated` mean that every device is fenced. */
async function power(cloud: Cloud, id: string, to: keyof typeof targets): Promise<Instance> {
  const target = targets[to];
  if (to === 'running') await settled(cloud, id, 'stopping');
  const instance = known(cloud, id);
  if (instance.state === 'terminated' && to !== 'terminated') {
    throw new AwsError('IncorrectInstanceState', `The instance '${id}' is terminated`, { status: 409 });
  }
  if ((target.from as readonly string[]).includes(instance.state)) {
    await beginPower(cloud, instance, target.begin);
    finishPowerLater(cloud, id, cloud.settings.latency.instance);
  } else if (to === 'running' && instance.crashed) await powerOn(cloud, id);
  await settled(cloud, id, target.begin);
  await powerSettled(cloud, id);
  return known(cloud, id);
}

async function settled(cloud: Cloud, id: string, passing: Instance['state']): Promise<void> {
  while (known(cloud, id).state === passing) await delay(10);
}

function known(cloud: Cloud, id: string): Instance {
  const instance = cloud.store.get('instances', id);
  if (!instance)
    throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`, {
      status: 404,
    });
  return instance;
}

/** EC2 forgets a terminated instance after an hour; this is that hour's end. */
async function forgetInstance(cloud: Cloud, id: string): Promise<void> {
  if (known(cloud, id).state !== 'terminated')
    throw new AwsError('IncorrectInstanceState', `The instance '${id}' is not terminated`, { status: 409 });
  cloud.store.delete('instances', id);
  await cloud.store.commit();
}
