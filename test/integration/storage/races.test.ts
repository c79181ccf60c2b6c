import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AttachVolumeCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  type EC2Client,
  RebootInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isFenced, loopsUnder } from '#local/storage/bytes/loops.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { until } from '#test/support/until.ts';
import { type Host, TestStorage } from './support/storage.ts';

/*
 * Calls in any order and at any time, seeded: whatever the service makes of them, once it is at rest each volume has one
 * device if it is attached to a machine with power and none otherwise, and each name leads to its own volume's device.
 */

let storage: TestStorage;
let ec2: EC2Client;
let hosts: Host[];
let volumes: string[];

beforeAll(async () => {
  storage = await TestStorage.start();
  ec2 = storage.client();
  hosts = await mapLimit(['i-0aaaaaaaaaaaaaaaa', 'i-0bbbbbbbbbbbbbbbb'], 1, (id) => storage.host(id));
  volumes = await mapLimit([1, 2, 3], 1, () => storage.volume(ec2));
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  expect(invalidAnswers).toEqual([]);
});

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One call; a refusal is an answer like any other. */
async function act(random: (below: number) => number): Promise<void> {
  const VolumeId = volumes[random(volumes.length)] ?? '';
  const InstanceId = hosts[random(hosts.length)]?.id ?? '';
  const InstanceIds = [InstanceId];
  const acts: readonly (() => Promise<unknown>)[] = [
    () =>
      ec2.send(
        new AttachVolumeCommand({ VolumeId, InstanceId, Device: `/dev/sd${'fghijkl'[random(7)] ?? 'f'}` }),
      ),
    () =>
      ec2.send(
        new AttachVolumeCommand({ VolumeId, InstanceId, Device: `/dev/sd${'fghijkl'[random(7)] ?? 'f'}` }),
      ),
    () => ec2.send(new DetachVolumeCommand({ VolumeId })),
    () => ec2.send(new DetachVolumeCommand({ VolumeId, Force: true })),
    () => ec2.send(new StopInstancesCommand({ InstanceIds })),
    () => ec2.send(new StartInstancesCommand({ InstanceIds })),
    () => ec2.send(new RebootInstancesCommand({ InstanceIds })),
    () => storage.admin(`POST /instances/${InstanceId}/crash`),
    () => storage.admin(`POST /instances/${InstanceId}/power`, { to: 'running' }),
  ];
  await acts[random(acts.length)]?.().catch(() => undefined);
}

interface Machine {
  readonly id: string;
  readonly state: string;
  readonly crashed: boolean;
}

async function atRest(): Promise<{ found: readonly Volume[]; machines: readonly Machine[] }> {
  return await until('the service is at rest', async () => {
    const found = (await ec2.send(new DescribeVolumesCommand({ VolumeIds: volumes }))).Volumes ?? [];
    const machines = await storage.admin<Machine[]>('GET /instances');
    const fenced = await storage.admin<unknown[]>('GET /fenced');
    const resting =
      found.every(
        ({ State, Attachments }) => State === 'available' || Attachments?.[0]?.State === 'attached',
      ) &&
      machines.every(({ state }) => state === 'running' || state === 'stopped') &&
      fenced.length === 0;
    return resting ? { found, machines } : undefined;
  });
}

/** `host volume` for each device that should show, from EC2's own answers. */
function expectedDevices({ found, machines }: Awaited<ReturnType<typeof atRest>>): string[] {
  return found
    .flatMap(({ VolumeId, Attachments }) =>
      (Attachments ?? []).map(({ InstanceId }) => ({ VolumeId, InstanceId })),
    )
    .filter(({ InstanceId }) =>
      machines.some(({ id, state, crashed }) => id === InstanceId && state === 'running' && !crashed),
    )
    .map(({ VolumeId, InstanceId }) => `${InstanceId ?? ''} ${VolumeId ?? ''}`)
    .toSorted();
}

async function actualDevices(): Promise<string[]> {
  const bound = await loopsUnder(join(storage.dir, 'disk'));
  const shown: string[] = [];
  for (const { id, byIdDir } of hosts) {
    for (const name of await readdir(byIdDir).catch(() => [])) {
      const device = await readlink(join(byIdDir, name));
      const own = bound.find(({ loop }) => loop.device === device);
      const volume = own?.file.replace(/^.*\/|\.img$/g, '') ?? 'nothing';
      const honest = name.endsWith(volume.replace('-', '')) && own && !(await isFenced(own.loop));
      shown.push(honest ? `${id} ${volume}` : `${name} is ${volume}`);
    }
  }
  return bound.length === shown.length ? shown.toSorted() : [...shown, `${bound.length} devices`];
}

test.for([1, 2, 3, 4, 5, 6])(
  'whatever is called when, no device is doubled or lost (seed %i)',
  async (seed) => {
    const random = randomOf(seed * 7919);
    for (let round = 0; round < 6; round++) {
      // Some at once, some after each other, and none waits for a transition to end.
      for (let i = 0; i < 6; i++) await mapLimit([1, 2], 2, () => act(random));
      const expected = expectedDevices(await atRest());
      expect(await actualDevices()).toEqual(expected);
    }
  },
);
