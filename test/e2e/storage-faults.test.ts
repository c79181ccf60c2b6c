import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapLimit } from '#shared/model/map-limit.ts';
import { until } from '#test/support/until.ts';
import type { FaultSwitch } from './harness/admin.ts';
import { joinCloud } from './harness/cloud.ts';
import type { Facts } from './harness/facts.ts';
import type { TestHost } from './harness/host.ts';
import { isIdleOn, namespace, rests, type Seen, type Subject } from './harness/subject.ts';
import { atOnce, VolumeWorld } from './harness/volume-world.ts';

/*
 * The storage service's own faults against the whole product: EC2, EFS and AWS Backup throttle, fail, lose answers, let
 * attaches hang and show the world of some seconds ago, while volumes are made, move from host to host, are backed up and
 * go. The table and AWS must agree at each stage, and the files must be there.
 */

const cloud = joinCloud();
const world = new VolumeWorld(cloud);
let locals: Subject[];
let networks: Subject[];
let subjects: Subject[];

/** Calls whose answers are lost, with seeds that lose one of the first two. */
const lost: Readonly<Record<string, number>> = {
  CreateVolume: 2,
  AttachVolume: 2,
  DetachVolume: 1,
  CreateSnapshot: 7,
  DeleteVolume: 7,
  CreateAccessPoint: 7,
  DeleteAccessPoint: 2,
  StartBackupJob: 7,
  DeleteRecoveryPoint: 7,
};
const faults: readonly FaultSwitch[] = [
  { id: 'throttling', kind: 'throttle', probability: 0.2, seed: 1 },
  { id: '5xx', kind: 'internal-error', probability: 0.2, seed: 3 },
  ...Object.entries(lost).map(([action, seed]) => ({
    id: `reset after commit of ${action}`,
    kind: 'reset-after-commit',
    action,
    probability: 0.4,
    seed,
  })),
  // The second and the fourth of the first six attaches.
  { id: 'stuck attach', kind: 'stuck-attach', probability: 0.3, times: 2, seed: 3 },
  { id: 'eventual consistency', kind: 'stale-reads', probability: 0.4, ms: 4_000, seed: 4 },
];

beforeAll(async () => {
  const add = (name: string): Promise<TestHost> =>
    cloud.addHost(name, { docker: false, instanceType: 'm7g.large' });
  const [a, b] = (await mapLimit(['faults-a', 'faults-b'], 2, add)) as [TestHost, TestHost];
  const make = (type: Subject['type'], count: number): Subject[] =>
    Array.from({ length: count }, (_, at) => ({
      name: cloud.unique(`faults-${type}`),
      type,
      ...(at % 2 === 0 ? { host: a, next: b } : { host: b, next: a }),
      volume: undefined,
    }));
  locals = make('local', 6);
  networks = make('network', 2);
  subjects = [...locals, ...networks];
  await world.begin();
});
afterAll(async () => {
  await cloud.storage.clearFaults();
  const { live } = await world.look();
  const left = (subjects ?? []).filter(({ name }) => live.has(name));
  await each(left, (subject) => world.delete(subject, true));
  await cloud.close();
});

const each = (some: readonly Subject[], work: (subject: Subject) => Promise<unknown>): Promise<unknown> =>
  mapLimit(some, atOnce, work);

/** Nothing is lost, doubled or left over, once the operations on some of the volumes have come to their ends. */
async function judge(
  what: string,
  some: readonly Subject[],
  isSo: (subject: Subject, seen: Seen) => boolean,
): Promise<Record<'real' | 'recorded', Facts> & { seen: Seen }> {
  const seen = await world.all(what, some, isSo);
  const { real, recorded } = await world.facts(some, seen);
  expect({ what, volumes: real.volumes }).toEqual({ what, volumes: recorded.volumes });
  return { seen, real, recorded };
}

/** A host that has just let go of a volume may have to say so first. */
const asked = (what: string, ask: () => Promise<void>): Promise<boolean> =>
  until(what, () => ask().then(() => true), { every: 500 });

const backupsOf = async ({ volume }: Subject) => {
  const query = { volume: volume?.id ?? '' };
  return (await cloud.api.call('listBackups', { params: { namespace }, query })).body.items;
};

const fileIn = (directory: string): string => join(directory, 'whose');
const write = (subject: Subject): Promise<void> =>
  world.use(subject, subject.host, (directory) => writeFile(fileIn(directory), subject.name));
const readElsewhere = (subject: Subject): Promise<void> =>
  world.use(subject, subject.next, async (directory) => {
    expect(await readFile(fileIn(directory), 'utf8')).toBe(subject.name);
  });

async function make(some: readonly Subject[]): Promise<void> {
  await each(some, (subject) => world.create(subject));
  const { seen } = await judge('made', some, ({ name }, { live }) => rests(live.get(name)));
  for (const subject of some) subject.volume = seen.live.get(subject.name);
}

async function lifeOfLocals(): Promise<void> {
  await make(locals);
  await each(locals, (subject) => world.attach(subject, subject.host));
  await judge('attached', locals, ({ name, host }, { live }) => isIdleOn(live.get(name), host));
  await each(locals, write);
  await each(locals, (subject) =>
    asked(`${subject.name} may be taken`, () => world.attach(subject, subject.next)),
  );
  await judge('handed over', locals, ({ name, next }, { live }) => isIdleOn(live.get(name), next));
  await each(locals, readElsewhere);
  await each(locals, (subject) => asked(`${subject.name} may be detached`, () => world.detach(subject)));
  await judge('detached', locals, ({ name }, { live }) => rests(live.get(name)));
  await each(locals, (subject) => world.delete(subject, isPurged(subject)));
  await judge('deleted', locals, isGone);
}

async function lifeOfNetworks(): Promise<void> {
  const long = { within: 180_000, every: 1_000 };
  await make(networks);
  await each(networks, write);
  await each(networks, readElsewhere);
  await each(networks, ({ name }) =>
    cloud.api.call('createBackup', {
      params: { namespace, name },
      body: {},
      headers: { 'idempotency-key': `backup-${name}` },
    }),
  );
  const backups = async () => (await mapLimit(networks, 2, backupsOf)).flat();
  const complete = async () => (await backups()).filter(({ state }) => state === 'available');
  await until('they are backed up', async () => (await complete()).length === networks.length, long);
  const rested = ({ name }: Subject, { live }: Seen): boolean => live.get(name)?.operation === undefined;
  const { real, recorded } = await judge('backed up', networks, rested);
  expect(real.recoveryPoints).not.toEqual([]);
  expect(real.recoveryPoints).toEqual(recorded.recoveryPoints);
  await each(networks, (subject) => world.delete(subject, true));
  await judge('deleted', networks, isGone);
  for (const { id: backup } of await backups())
    await cloud.api.call('deleteBackup', { params: { namespace, backup } });
  await until('the backups are gone', async () => (await backups()).length === 0, long);
}

/** Of some the tombstone and the final backup are left, of those with a backup the record, of others nothing. */
function isGone(subject: Subject, { live, deleted }: Seen): boolean {
  const left = deleted.get(subject.volume?.id ?? '');
  if (live.has(subject.name)) return false;
  if (subject.type === 'network') return left?.state === 'purged';
  if (isPurged(subject)) return left === undefined;
  return left?.operation === undefined && left?.finalBackup !== undefined;
}
const isPurged = (subject: Subject): boolean => locals.indexOf(subject) >= 3 || subject.type === 'network';

test('throttled, failing, cut off, hanging and late: no volume is lost, doubled or leaked', async () => {
  await cloud.storage.setFaults(faults);
  await Promise.all([lifeOfLocals(), lifeOfNetworks()]);

  const struck = await cloud.storage.faultStatus();
  await cloud.storage.clearFaults();
  process.stdout.write(`faults injected: ${struck.map((one) => `${one.id} ${one.injected}`).join(', ')}\n`);
  expect(struck.filter(({ injected }) => injected === 0)).toEqual([]);
  const isForgotten = (subject: Subject, seen: Seen): boolean =>
    subject.type === 'network' ? !seen.deleted.has(subject.volume?.id ?? '') : isGone(subject, seen);
  const { real } = await judge('what shall stay has stayed', subjects, isForgotten);
  const counts = real.volumes.map(({ ebs, snapshots, accessPoints }) => [ebs, snapshots, accessPoints]);
  expect(counts.map((ids) => ids.map(({ length }) => length))).toEqual(
    subjects.map((subject) => (isPurged(subject) ? [0, 0, 0] : [1, 1, 0])),
  );
  expect(real.recoveryPoints).toEqual([]);
});
