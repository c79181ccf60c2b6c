import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pluginOn, type PluginAnswer } from '#test/integration/agent/support/docker-plugin.ts';
import { until } from '#test/support/until.ts';
import type { Volume } from '#shared/model/volume.ts';
import type { FaultSwitch } from './harness/admin.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';
import { sweep } from './harness/sweep.ts';

/*
 * The agent's table of effects (docs/agent.md) in the running local cloud: the agent is killed (SIGKILL) before and after
 * each of its calls of the API, by the edge, and before and after each tool that changes something, by a wrapper around
 * the tool. Started again, it must bring the volume's life to its end, with the data there.
 */

const cloud = joinCloud();
const folder = '/run/crash-points';
let host: TestHost;
let plugin: ReturnType<typeof pluginOn>;

type Side = 'before' | 'after';

/** A call of the API as the edge sees it. */
const calls = {
  hostCreateVolume: { action: 'POST /v1/host/volumes' },
  claimVolume: { action: 'POST /v1/host/volumes/*/claim' },
  'setLease true': { action: 'POST /v1/host/attachments/*/lease', about: '"inUse":true' },
  takeTicket: { action: 'POST /v1/host/attachments/*/ticket' },
  'report formatted': { action: 'POST /v1/host/attachments/*/formatted', about: '"mounted":false' },
  'report mounted': { action: 'POST /v1/host/attachments/*/formatted', about: '"mounted":true' },
  'setLease false': { action: 'POST /v1/host/attachments/*/lease', about: '"inUse":false' },
  hostDeleteVolume: { action: 'DELETE /v1/host/volumes/*' },
  reportPurged: { action: 'POST /v1/host/purges/*' },
} as const;

/** What a tool is run for. */
const tools = [
  'mkfs.ext4',
  'mount filesystem',
  'mount data',
  'umount data',
  'fsfreeze',
  'umount filesystem',
  'mount purge',
  'empty',
  'umount purge',
] as const;

type Call = keyof typeof calls;
type Effect = Call | (typeof tools)[number];
/** Of a deleted network volume, whose directory the agent empties. */
const emptying: readonly Effect[] = ['mount purge', 'empty', 'umount purge', 'reportPurged'];
const all: readonly Effect[] = [...(Object.keys(calls) as Call[]), ...tools];
const around = (effects: readonly Effect[]): (readonly [Side, Effect])[] =>
  effects.flatMap((effect) => [['before', effect] as const, ['after', effect] as const]);

const wrapper = (tool: string): string => `#!/bin/sh
case "${tool} $*" in
  "mount -t efs "*/purges/*) key="mount purge" ;;
  "find "*/purges/*) key="empty" ;;
  umount*/purges/*) key="umount purge" ;;
  "mount "*--bind*) key="mount data" ;;
  "mount "*) key="mount filesystem" ;;
  umount*/volumes/*) key="umount data" ;;
  umount*) key="umount filesystem" ;;
  *) key="${tool}" ;;
esac
if [ "$(cat ${folder}/armed)" = "before $key" ]; then : >${folder}/armed; kill -9 $PPID; exit 1; fi
${folder}/real/${tool} "$@"
code=$?
if [ "$(cat ${folder}/armed)" = "after $key" ]; then : >${folder}/armed; kill -9 $PPID; fi
exit $code
`;

/** Puts a wrapper over each tool, on this host alone. */
async function wrapTools(): Promise<void> {
  mkdirSync(host.path(`${folder}/real`), { recursive: true });
  writeFileSync(host.path(`${folder}/armed`), '');
  for (const tool of ['mkfs.ext4', 'fsfreeze', 'find', 'umount', 'mount']) {
    const found = await host.run('sh', '-c', `readlink -f "$(command -v ${tool})"`);
    await host.run('cp', found, `${folder}/real/${tool}`);
    const path = host.path(`${folder}/${tool}`);
    writeFileSync(path, wrapper(tool));
    chmodSync(path, 0o755);
    // `mount` itself comes last: until then it is the real one that binds.
    await host.run('mount', '--bind', `${folder}/${tool}`, found);
  }
}

async function arm(side: Side, effect: Effect): Promise<void> {
  if (effect in calls) {
    const aim: FaultSwitch = {
      id: 'agent',
      kind: `kill-${side}`,
      service: 'execute-api',
      times: 1,
      ...calls[effect as Call],
    };
    await cloud.edge.setFaults([aim]);
  } else writeFileSync(host.path(`${folder}/armed`), `${side} ${effect}`);
}

async function happened(effect: Effect): Promise<boolean> {
  if (!(effect in calls)) return readFileSync(host.path(`${folder}/armed`), 'utf8') === '';
  return (await cloud.edge.faultStatus()).some(({ id, injected }) => id === 'agent' && injected === 1);
}

/** Asks as Docker's user would who tries again; starts the agent where it died. */
function insist(call: string, body: object): Promise<PluginAnswer> {
  return until(
    `${call} of ${JSON.stringify(body)} succeeds`,
    async () => {
      const answer = await plugin(call, body).catch(() => undefined);
      if (answer === undefined) await host.revive();
      return answer?.Err === '' ? answer : undefined;
    },
    { within: 240_000, every: 250 },
  );
}

const read = async (name: string): Promise<Volume> =>
  (await cloud.api.call('getVolume', { params: { namespace: 'default', name } })).body;

async function livesThrough(Name: string): Promise<void> {
  await insist('Create', { Name, Opts: { size: '1G' } });
  const path = (await insist('Mount', { Name, ID: 'one' })).Mountpoint ?? '';
  writeFileSync(host.path(`${path}/file`), Name);
  await insist('Unmount', { Name, ID: 'one' });
  await until(
    `${Name} is given back`,
    async () => {
      const { attachments = [] } = await read(Name);
      if (attachments.every(({ inUse }) => !inUse)) return true;
      await insist('Unmount', { Name, ID: 'one' });
      return false;
    },
    { within: 120_000, every: 250 },
  );
  expect(host.mounts().filter((line) => line.includes(`/volumes/${Name} `))).toEqual([]);
  await insist('Mount', { Name, ID: 'two' });
  expect(readFileSync(host.path(`${path}/file`), 'utf8')).toBe(Name);
  expect(await read(Name)).toMatchObject({ state: 'attached', format: 'formatted' });
  await insist('Unmount', { Name, ID: 'two' });
  await insist('Remove', { Name });
  await expect(read(Name)).rejects.toMatchObject({ code: 'VolumeNotFound' });
}

/** A network volume with a file in it, which nobody uses any more. */
async function networkVolume(Name: string): Promise<Volume> {
  await insist('Create', { Name, Opts: { type: 'network' } });
  const path = (await insist('Mount', { Name, ID: 'one' })).Mountpoint ?? '';
  writeFileSync(host.path(`${path}/file`), Name);
  await insist('Unmount', { Name, ID: 'one' });
  return until(
    `${Name} is given back`,
    async () => {
      const volume = await read(Name);
      return volume.attachments?.every(({ inUse }) => !inUse) === false ? undefined : volume;
    },
    { within: 60_000, every: 250 },
  );
}

async function tombstones(): Promise<string[]> {
  const query = { deleted: 'true', limit: 1000 } as const;
  const { body } = await cloud.api.call('listVolumes', { params: { namespace: 'default' }, query });
  return body.items.map(({ id }) => id);
}

beforeAll(async () => {
  host = await cloud.addHost('agent-crash', { docker: false });
  plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
  await wrapTools();
});
afterAll(() => cloud.close());

describe('killed around any of its effects in the running cloud, the agent carries on', () => {
  it.each(around(all.filter((effect) => !emptying.includes(effect))))('%s %s', async (side, effect) => {
    await arm(side, effect);
    await livesThrough(cloud.unique(`${side}-${effect.replaceAll(' ', '-')}`));
    expect(await happened(effect)).toBe(true);
    await cloud.edge.clearFaults();
  });

  it.each(around(emptying))('%s %s', async (side, effect) => {
    const name = cloud.unique(`${side}-${effect.replaceAll(' ', '-')}`);
    const { id } = await networkVolume(name);
    await arm(side, effect);
    await cloud.hivemind('volume', 'delete', name, '--purge', '-y');
    await until(
      `${name} is gone for good`,
      async () => {
        await sweep(cloud.file);
        await plugin('Plugin.Activate').catch(() => host.revive());
        return !(await tombstones()).includes(id);
      },
      { within: 240_000, every: 1_000 },
    );
    expect(await happened(effect)).toBe(true);
    expect(host.mounts().filter((line) => line.includes(`/purges/${id}`))).toEqual([]);
    await cloud.edge.clearFaults();
  });
});
