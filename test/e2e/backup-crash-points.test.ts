import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import type { FaultSwitch } from './harness/admin.ts';
import { Archive } from './harness/archive-sender.ts';
import { Cast, type Kills, type Place } from './harness/backup-cast.ts';
import { BackupCrashes, copyRegion, type Kept } from './harness/backup-crashes.ts';
import { everything, kinds, type BackupKill, type KilledKind } from './harness/backup-kills.ts';
import { BackupKillWorld } from './harness/backup-kill-world.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';
import { allKills, killCounts, ofFiles, patience } from './harness/kill-plan.ts';
import { leftInS3 } from './harness/left-in-s3.ts';
import { namespace, type Subject } from './harness/subject.ts';
import { atOnce } from './harness/volume-world.ts';

/*
 * The tables of operations on backups (docs/crash-points.md) in the running local cloud: the process that runs a function is
 * killed (SIGKILL) around each effect. Every kill must happen, every operation must succeed, what is in AWS must be what the
 * records say, and no filesystem may stay frozen.
 */

const cloud = joinCloud();
const world = new BackupKillWorld(cloud);
let hosts: TestHost[];
let kills: Kills;
let cast: Cast;
let crashes: BackupCrashes;

beforeAll(async () => {
  const further = everything ? ['kill-d', 'kill-e'] : [];
  const names = ['kill-apart', 'kill-a', 'kill-b', 'kill-c', ...further];
  hosts = await mapLimit(names, 2, (name) =>
    cloud.addHost(cloud.unique(name), {
      docker: false,
      instanceType: 'm7g.large',
    }),
  );
  kills = await allKills(cloud);
  const [apart, ...common] = hosts as [TestHost, ...TestHost[]];
  cast = new Cast(kills, { apart, common }, () => cloud.unique('kill-further'));
  crashes = new BackupCrashes(cloud, cast);
  await world.prepare(cast.all);
}, patience.timeout);
afterAll(async () => {
  await cloud.edge.clearFaults();
  await cloud.storage.clearFaults();
  await cloud.close();
});

const namesOf = (places: readonly Place[]): string[] => places.map(({ name }) => name);
const keysOf = (some: readonly BackupKill[]): string[] => some.map(({ key }) => key);

async function readAll(names: readonly string[]): Promise<Volume[]> {
  const answers = await mapLimit(names, atOnce, (name) =>
    cloud.api.call('getVolume', { params: { namespace, name } }),
  );
  return answers.map(({ body }) => body);
}

/** What is in AWS of the volumes of these names is what the records say; with `points` so are all recovery points. */
async function judge(names: readonly string[], points = false): Promise<void> {
  const [host] = hosts as [TestHost];
  const subjects = names.map((name): Subject => {
    return { name, type: 'local', host, next: host, volume: undefined };
  });
  await until(
    'AWS has what the records say',
    async () => {
      const { real, recorded } = await world.facts(subjects, await world.look());
      expect(real.volumes).toEqual(recorded.volumes);
      if (points) expect(real.recoveryPoints).toEqual(recorded.recoveryPoints);
      return true;
    },
    { within: 30_000, every: 1_000 },
  );
}

type Backups = ReadonlyMap<string, Backup>;
type Pair = readonly [BackupKill, Kept];

/** Each kill with a backup of its own. */
function withBackups(some: readonly BackupKill[], places: readonly Place[], backups: Backups): Pair[] {
  const where = cast.assign(some, places);
  return some.map((kill) => {
    const place = where.get(kill.key) as Place;
    return [kill, { place, backup: backups.get(place.name) as Backup }];
  });
}

const noneLeft = async (removed: readonly Pair[]): Promise<void> => {
  const left = await mapLimit(removed, atOnce, ([, { place }]) => world.backupsOf(place.name));
  const ids = removed.map(([, { backup }]) => backup.id);
  expect(left.flat().filter(({ id }) => ids.includes(id))).toEqual([]);
};

/** One of each volume: those that are killed, and those of further volumes, which nobody kills. */
async function backUp(): Promise<Backups> {
  const { idle, mounted, further } = cast;
  const asked = [...kills.backup, ...kills.frozenBackup];
  const volumes = await readAll(keysOf(asked));
  const others = await mapLimit(further, atOnce, ({ name }) =>
    cloud.api.call('createBackup', { params: { namespace, name }, body: {} }),
  );
  await world.survive(asked.map((kill, at) => crashes.backup(kill, volumes[at] as Volume)));
  await world.ended(others.map(({ body }) => ({ operation: body.id })));
  await world.thawed(mounted);
  await world.unmount(mounted);
  const all = [...further, ...mounted, ...idle];
  await judge(namesOf(all));
  const backups = await world.theBackups(all);
  for (const { name } of mounted) expect(backups.get(name)?.frozenMs).toBeGreaterThan(0);
  return backups;
}

async function copyRestoreDrillSend(backups: Backups): Promise<void> {
  const { idle, mounted, further, blank } = cast;
  const all = [...further, ...mounted, ...idle];
  const drilled = withBackups(kills.drill, all, backups);
  const packed = cast.assign(kills.export, [...further, ...idle]);
  const archive = new Archive(cloud.api, execFileSync('tar', ['-cz', '-C', '/etc', 'hostname']));
  await world.survive([
    ...withBackups(kills.copyBackup, mounted, backups).map((pair) => crashes.copy(...pair)),
    ...withBackups(kills.restore, [...idle, ...mounted], backups).map((pair) => crashes.restore(...pair)),
    ...drilled.map((pair) => crashes.drill(...pair)),
    ...kills.export.map((kill) => crashes.export(kill, packed.get(kill.key) as Place)),
    ...kills.import.map((kill, at) => crashes.import(kill, archive, blank[at] as Place)),
  ]);
  await judge([...namesOf([...all, ...blank]), ...keysOf(kills.restore)]);
  expect(await world.scratches([...backups.values()])).toEqual([]);
  expect(hosts.flatMap((host) => host.mounts()).filter((mount) => mount.includes('/verify/'))).toEqual([]);
  const reports = await mapLimit(drilled, atOnce, ([, { backup }]) =>
    cloud.api.call('getBackup', { params: { namespace, backup: backup.id } }),
  );
  expect(new Set(reports.map(({ body }) => body.drill?.outcome))).toEqual(new Set(['passed']));
  const [exported, imported] = [kills.export, kills.import].map((some) => some.map((kill) => kill.operation));
  const left = await leftInS3(cloud, [...(exported ?? []), ...(imported ?? [])]);
  expect(left).toEqual({ archives: exported?.toSorted(), uploads: [] });
}

async function replaceAndRemove(backups: Backups): Promise<void> {
  const { idle, mounted, further } = cast;
  const replaced = withBackups(kills.restoreInPlace, [...further, ...mounted], backups);
  const removed = withBackups(kills.deleteBackup, idle, backups);
  const names = replaced.map(([, { place }]) => place.name);
  const before = await readAll(names);
  await world.survive([
    ...replaced.map((pair, at) => crashes.restoreInPlace(...pair, before[at] as Volume)),
    ...removed.map((pair) => crashes.delete(...pair)),
  ]);
  await judge([...namesOf([...idle, ...mounted, ...further]), ...keysOf(kills.restore)]);
  expect(await world.scratches([...backups.values()])).toEqual([]);
  const after = await readAll(names);
  expect(after.map(({ state }) => state)).toEqual(after.map(() => 'available'));
  const storageOf = ({ storage }: Volume) => (storage?.kind === 'ebs' ? storage.volumeId : '');
  expect(before.map(storageOf).filter((id) => after.map(storageOf).includes(id))).toEqual([]);
  await noneLeft(removed);
}

/** AWS makes one at a time: a slow one holds all others up. */
async function makePoints(): Promise<Backups> {
  const volumes = await readAll(keysOf(kills.recoveryPoint));
  const all = kills.recoveryPoint.map((kill, at) => crashes.backup(kill, volumes[at] as Volume));
  const said = all.filter(({ effect }) => effect.what === 'say');
  await world.slowDown([slow('StartBackupJob')]);
  for (const crash of said) await world.untilKilled(crash);
  await world.hurry('StartBackupJob');
  await world.survive(all.filter((crash) => !said.includes(crash)));
  await world.ended(said);
  await judge(namesOf(cast.network), true);
  return world.theBackups(cast.network);
}

/** To another Region, of each recovery point one. */
async function copyPoints(backups: Backups): Promise<void> {
  const copied = withBackups(kills.copyRecoveryPoint, cast.network, backups);
  await world.slowDown([slow('StartCopyJob')]);
  await world.survive(copied.map((pair) => crashes.copy(...pair)));
  await judge(namesOf(cast.network), true);
  const all = await mapLimit(copied, atOnce, ([, { place }]) => world.backupsOf(place.name));
  const shown = all.map((some) => some.map(({ state, region }) => `${region}: ${state}`).toSorted());
  const both = [copyRegion, cloud.file.region].map((region) => `${region}: available`);
  expect(shown).toEqual(copied.map(() => both));
}

/** Those of one directory come one after the other. */
async function restorePoints(backups: Backups): Promise<void> {
  const { network } = cast;
  const restored = kills.restoreRecoveryPoint.map((kill, at) => {
    const place = network[at % network.length] as Place;
    return crashes.restore(kill, {
      place,
      backup: backups.get(place.name) as Backup,
    });
  });
  await world.slowDown([slow('StartRestoreJob')]);
  await world.survive(restored);
  await judge([...namesOf(network), ...keysOf(kills.restoreRecoveryPoint)], true);
}

async function removePoints(backups: Backups): Promise<void> {
  const removed = withBackups(kills.deleteRecoveryPoint, cast.network, backups);
  await world.slowDown([slow('DeleteRecoveryPoint')]);
  await world.survive(removed.map((pair) => crashes.delete(...pair)));
  await judge(namesOf(cast.network), true);
  await noneLeft(removed);
}

/** Calls of AWS Backup name nothing that tells them apart for the storage service. */
function slow(action: string): FaultSwitch {
  return {
    id: action,
    kind: 'slow-transition',
    service: 'backup',
    action,
    ms: 12_000,
  };
}

const ofNetwork: readonly KilledKind[] = [
  'recoveryPoint',
  'copyRecoveryPoint',
  ...(everything ? (['restoreRecoveryPoint'] as const) : []),
  'deleteRecoveryPoint',
];
const elsewhere: readonly KilledKind[] = [...ofNetwork, ...ofFiles, 'restoreRecoveryPoint'];
const ofLocal = kinds.filter((kind) => !elsewhere.includes(kind));

describe.concurrent('killed around their effects, the operations come to their end', () => {
  test('of local volumes', patience, async () => {
    const backups = await backUp();
    await copyRestoreDrillSend(backups);
    await replaceAndRemove(backups);
    const { happened, meant } = await killCounts(cloud, kills, ofLocal);
    expect(happened).toBe(meant);
  });

  test('of network volumes', patience, async () => {
    const backups = await makePoints();
    await copyPoints(backups);
    if (everything) await restorePoints(backups);
    await removePoints(backups);
    const { happened, meant } = await killCounts(cloud, kills, ofNetwork);
    expect(happened).toBe(meant);
  });
});
