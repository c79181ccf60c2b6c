import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crashPoints, type Effect } from '#shared/model/crash-points.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { Volume } from '#shared/model/volume.ts';
import type { FaultStatus } from '#local/edge/faults.ts';
import { until } from '#test/support/until.ts';
import type { FaultSwitch } from './harness/admin.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/*
 * docs/crash-points.md in the running local cloud: the process that runs a function is killed (SIGKILL) before and after each
 * effect of an operation. Every operation must still come to its end, and the table, EC2 and the hosts must agree.
 */

const cloud = joinCloud();
let hosts: TestHost[];

beforeAll(async () => {
  hosts = [await cloud.addHost('crash-a'), await cloud.addHost('crash-b')];
});
afterAll(() => cloud.close());

/** A dead step's claim stands for 35 s, the sweeper comes once a minute and needs an operation to be 20 s old. */
const patience = 300_000;
const atOnce = 4;
const namespace = 'default';
const sides = ['before', 'after'] as const;

type Kind = 'create' | 'attach' | 'detach' | 'delete';

interface Kill {
  readonly kind: Kind;
  readonly effect: Effect;
  readonly side: (typeof sides)[number];
  /** Effects of the same function and call that come before it. */
  readonly nth: number;
  /** Words for people come before it, more or fewer of them: it may be another write that is hit, or none. */
  readonly sure: boolean;
  readonly name: string;
  readonly host: TestHost;
  volume: Volume | undefined;
}

function killsOf(kind: Kind, wanted: (effect: Effect) => boolean): Kill[] {
  const effects: readonly Effect[] = crashPoints[kind];
  const points = effects.flatMap((effect, at) => (wanted(effect) ? [{ effect, at }] : []));
  return points.flatMap(({ effect, at }, count) =>
    sides.map((side) => {
      const earlier = effects
        .slice(0, at)
        .filter(({ by, action }) => by === effect.by && action === effect.action);
      const sure = effect.what !== 'say' && !earlier.some(({ what }) => what === 'say');
      const host = hosts[count % hosts.length] as TestHost;
      const name = cloud.unique(`crash-${kind}`);
      return { kind, effect, side, nth: earlier.length, sure, name, host, volume: undefined };
    }),
  );
}

function switchOf({ effect, side, nth, name, volume }: Kill, aimed: boolean): FaultSwitch {
  const { by, service, action } = effect;
  // EC2 is told the name where something is made, and its own id where something is done to it.
  const storage = volume?.storage?.kind === 'ebs' ? volume.storage.volumeId : name;
  const about = action === 'AttachVolume' || action === 'DetachVolume' ? storage : name;
  const where = aimed ? { about, after: nth } : {};
  return { id: name, kind: `kill-${side}`, functionName: by, service, action, times: 1, ...where };
}

const read = async (name: string): Promise<Volume> =>
  (await cloud.api.call('getVolume', { params: { namespace, name } })).body;

async function ready(name: string, state: string): Promise<Volume> {
  return until(
    `${name} is ${state}`,
    async () => {
      const volume = await read(name);
      return volume.state === state && volume.operation === undefined ? volume : undefined;
    },
    { within: patience, every: 1_000 },
  );
}

const create = (name: string) =>
  cloud.api.call('createVolume', {
    params: { namespace },
    body: { name, size: '1G', availabilityZone: 'us-east-1a' },
    headers: { 'idempotency-key': `create-${name}` },
  });
const attach = ({ name, host }: Kill) =>
  cloud.api.call('attachVolume', {
    params: { namespace, name },
    body: { host: host.instanceId },
    headers: { 'idempotency-key': `attach-${name}` },
  });

/** What comes before each operation, the call that begins it, and what its end looks like. */
const operations: Readonly<
  Record<
    Kind,
    {
      prepare(kill: Kill): Promise<void>;
      ask(kill: Kill): Promise<unknown>;
      end(kill: Kill): Promise<Volume>;
    }
  >
> = {
  create: {
    prepare: async () => {},
    ask: ({ name }) => create(name),
    end: ({ name }) => ready(name, 'available'),
  },
  attach: {
    prepare: async (kill) => {
      await create(kill.name);
      kill.volume = await ready(kill.name, 'available');
    },
    ask: attach,
    end: ({ name }) => ready(name, 'attached'),
  },
  detach: {
    prepare: async (kill) => {
      await create(kill.name);
      await ready(kill.name, 'available');
      await attach(kill);
      kill.volume = await ready(kill.name, 'attached');
    },
    ask: ({ name }) =>
      cloud.api.call('detachVolume', {
        params: { namespace, name },
        body: {},
        headers: { 'idempotency-key': `detach-${name}` },
      }),
    end: ({ name }) => ready(name, 'available'),
  },
  delete: {
    // A volume that was formatted gets a final backup.
    prepare: async (kill) => {
      await create(kill.name);
      await kill.host.once(kill.name, 'true');
      kill.volume = await ready(kill.name, 'attached');
    },
    ask: ({ name }) =>
      cloud.api.call('deleteVolume', {
        params: { namespace, name },
        headers: { 'idempotency-key': `delete-${name}` },
      }),
    end: (kill) =>
      until(`${kill.name} is deleted`, () => tombstone(kill), { within: patience, every: 1_000 }),
  },
};

async function tombstone({ volume }: Kill): Promise<Volume | undefined> {
  const { body } = await cloud.api.call('listVolumes', {
    params: { namespace },
    query: { deleted: 'true', limit: 1000 },
  });
  const found = body.items.find(({ id }) => id === volume?.id);
  return found?.operation === undefined && found?.finalBackup !== undefined ? found : undefined;
}

/** EC2 has exactly the volume that the record names, attached where the record says. */
async function agree(kills: readonly Kill[], ended: readonly Volume[]): Promise<void> {
  const volumes = await cloud.storage.volumes();
  const attachments = await cloud.storage.attachments();
  const facts = ended.map((volume) => {
    const ours = volumes.filter(({ tags }) =>
      tags.some(({ Key, Value }) => Key === tagKeys.volumeId && Value === volume.id),
    );
    const where = attachments.filter(({ volumeId }) => ours.some(({ id }) => id === volumeId));
    return {
      name: volume.name,
      ebs: ours.map(({ id }) => id),
      hosts: where.map(({ instanceId, state }) => `${instanceId} ${state}`),
    };
  });
  expect(facts).toEqual(
    ended.map(({ name, storage, hosts: held }) => ({
      name,
      ebs: [storage?.kind === 'ebs' ? storage.volumeId : ''],
      hosts: held.map((host) => `${host} attached`),
    })),
  );
  expect(kills).toHaveLength(ended.length);
}

async function clear(kills: readonly Kill[]): Promise<void> {
  await mapLimit(kills, atOnce, ({ name, kind }) =>
    kind === 'delete'
      ? Promise.resolve({ exitCode: 0 })
      : cloud.attemptHivemind(['volume', 'delete', name, '--purge', '-y']),
  );
}

const says = ({ effect, side }: Kill): string => `${effect.by} killed ${side} ${effect.what}`;

/** Kills that name their volume in the call: all operations at once, each killed at its own point. */
async function killAimed(kills: readonly Kill[]): Promise<FaultStatus[]> {
  await cloud.edge.setFaults(kills.map((kill) => switchOf(kill, true)));
  await mapLimit(kills, atOnce, (kill) => operations[kill.kind].ask(kill));
  const ended = await mapLimit(kills, kills.length, (kill) => operations[kill.kind].end(kill));
  const status = await cloud.edge.faultStatus();
  await cloud.edge.clearFaults();
  await agree(kills, ended);
  return status;
}

/** Kills in calls that do not name their volume: one operation after the other. */
async function killInTurn(kills: readonly Kill[]): Promise<Volume[]> {
  for (const kill of kills) {
    await cloud.edge.setFaults([switchOf(kill, false)]);
    await operations[kill.kind].ask(kill);
    await until(says(kill), async () => (await cloud.edge.faultStatus())[0]?.injected === 1, {
      within: 60_000,
    });
  }
  await cloud.edge.clearFaults();
  const ended = await mapLimit(kills, kills.length, (kill) => operations[kill.kind].end(kill));
  await agree(kills, ended);
  return ended;
}

const namesItsVolume = ({ service }: Effect): boolean => service === 'dynamodb' || service === 'ec2';

const kinds = ['create', 'attach', 'detach', 'delete'] as const;

/** All operations at once: what each waits for (a dead step's claim, the sweeper) passes only once. */
async function prepared(wanted: (effect: Effect) => boolean): Promise<Kill[]> {
  const kills = kinds.flatMap((kind) => killsOf(kind, wanted));
  await mapLimit(kills, atOnce, (kill) => operations[kill.kind].prepare(kill));
  return kills;
}

describe('create, attach, detach and delete come to their end', () => {
  test('killed around each transaction and each call of EC2', async () => {
    const kills = await prepared(namesItsVolume);
    const status = new Map((await killAimed(kills)).map(({ id, injected }) => [id, injected]));
    const missed = kills.filter(({ name }) => status.get(name) !== 1);
    expect(missed.filter(({ sure }) => sure).map(says)).toEqual([]);
    process.stdout.write(`${kills.length - missed.length} of ${kills.length} kills happened\n`);
    await clear(kills);
  });

  test('killed around their start and their wake-ups', async () => {
    const kills = await prepared((effect) => !namesItsVolume(effect));
    expect(await killInTurn(kills)).toHaveLength(kills.length);
    await clear(kills);
  });
});
