import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crashPoints, type CrashedOperation } from '#shared/model/crash-points.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { until } from '#test/support/until.ts';
import type { FaultSwitch } from './harness/admin.ts';
import { joinCloud } from './harness/cloud.ts';
import { isAimed, killsOf, says, switchOf } from './harness/crash-aim.ts';
import { CrashWorld, hasEnded, typeOf, type Crash } from './harness/crash-world.ts';
import type { TestHost } from './harness/host.ts';
import { atOnce } from './harness/volume-world.ts';

/*
 * docs/crash-points.md in the running local cloud: the process that runs a function is killed (SIGKILL) before and after each
 * effect of an operation. Every kill must happen, every operation must still come to its end, and the table, EC2 and the
 * hosts must agree.
 */

const cloud = joinCloud();
const world = new CrashWorld(cloud);
let hosts: TestHost[];
let crashes: Crash[];

beforeAll(async () => {
  const names = ['crash-a', 'crash-b', 'crash-c', 'crash-d', 'crash-e'];
  hosts = await mapLimit(names, 2, (name) =>
    cloud.addHost(name, { docker: false, instanceType: 'm7g.large' }),
  );
  const kinds = Object.keys(crashPoints) as CrashedOperation[];
  const kills = kinds.flatMap((kind) => killsOf(kind, () => cloud.unique(`crash-${kind.toLowerCase()}`)));
  const hostAt = (at: number): TestHost => hosts[at % hosts.length] as TestHost;
  crashes = kills.map((kill, at) => ({
    ...kill,
    type: typeOf(kill.kind),
    host: hostAt(at),
    next: hostAt(at + 1),
    volume: undefined,
  }));
  await world.prepare(crashes);
});
afterAll(async () => {
  await cloud.edge.clearFaults();
  await cloud.storage.clearFaults();
  // Freed by the workers, which nobody waits for.
  const { live } = await world.look();
  await mapLimit(
    (crashes ?? []).filter(({ name }) => live.has(name)),
    atOnce,
    (crash) => world.delete(crash, true),
  );
  await cloud.close();
});

/**
 * Where it is the words that are hit, AWS takes so long that a worker looks while it is at work, also on a busy machine: of a
 * volume that is known, for that one; of one that is still to be made, for all.
 */
function slowStorage({ effect, step, volume, name }: Crash): FaultSwitch[] {
  if (effect.what !== 'say' || step === 'createPurgePoint') return [];
  const slow = { id: `slow-${name}`, kind: 'slow-transition', service: 'ec2', ms: 45_000 };
  if (volume?.storage?.kind === 'ebs') return [{ ...slow, resourceId: volume.storage.volumeId }];
  return [{ ...slow, action: 'CreateVolume', times: 20 }];
}

/** The same of the host that empties a directory, where it is the words that are hit. */
function slowHost({ kind, effect, volume, name }: Crash): FaultSwitch[] {
  if (kind !== 'networkPurge' || effect.what !== 'say' || volume === undefined) return [];
  const report = { service: 'execute-api', action: 'POST /v1/host/purges/*', about: volume.id };
  return [{ id: `slow-${name}`, kind: 'latency', ms: 20_000, ...report }];
}

async function happened(): Promise<string[]> {
  const status = await cloud.edge.faultStatus();
  return status.filter(({ kind, injected }) => kind.startsWith('kill') && injected === 1).map(({ id }) => id);
}

describe('every operation comes to its end', () => {
  test('killed around each transaction and each call of EC2 and EFS, all operations at once', async () => {
    const aimed = crashes.filter(isAimed);
    await cloud.storage.setFaults(aimed.flatMap(slowStorage));
    await cloud.edge.setFaults(aimed.flatMap((crash) => [switchOf(crash, crash.volume), ...slowHost(crash)]));
    await mapLimit(aimed, atOnce, (crash) => world.ask(crash));
    const seen = await world.all('the operations have ended', aimed, hasEnded);
    const hit = new Set(await happened());
    await cloud.edge.clearFaults();
    await cloud.storage.clearFaults();
    const { real, recorded } = await world.facts(aimed, seen);
    expect(real).toEqual(recorded);
    expect(aimed.filter(({ name }) => !hit.has(name)).map(says)).toEqual([]);
    process.stdout.write(`${hit.size} of ${aimed.length} aimed kills happened\n`);
  });

  test('killed around their start and their wake-ups, one operation after the other', async () => {
    // A worker's wake-up is its last effect: nothing of it is left to be mistaken for the next one.
    const byWorkers = ({ effect }: Crash): number => (effect.by.endsWith('-worker') ? 0 : 1);
    const inTurn = crashes.filter((crash) => !isAimed(crash)).sort((a, b) => byWorkers(a) - byWorkers(b));
    for (const crash of inTurn) {
      await cloud.edge.setFaults([switchOf(crash, crash.volume)]);
      await world.ask(crash);
      await until(says(crash), async () => (await happened()).includes(crash.name), { within: 60_000 });
    }
    await cloud.edge.clearFaults();
    const seen = await world.all('the operations have ended', inTurn, hasEnded);
    const { real, recorded } = await world.facts(inTurn, seen);
    expect(real).toEqual(recorded);
    process.stdout.write(`${inTurn.length} of ${inTurn.length} kills in turn happened\n`);
  });
});
