import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout } from '#local/cloud/runtime.ts';
import { ensureVenv } from '#local/emulator/venv.ts';
import type { Volume } from '#shared/model/volume.ts';
import { intactLines, type Writer } from '#test/support/line-writer.ts';
import { until } from '#test/support/until.ts';
import { openMachine } from './harness/own-machine.ts';
import type { OwnMachine } from './harness/own-machine.ts';
import { processesOf } from './harness/processes-of.ts';
import { hasSavedUse } from './harness/saved.ts';
import { startWriter } from './harness/writer.ts';

/*
 * `npm run up` with nothing more: this machine is a host of the cloud, `hivemind` is on PATH. In namespaces of its own,
 * since a machine has one PATH and one agent.
 */

let machine: OwnMachine;
let mountsBefore: string[];
let outsideBefore: (string | undefined)[];

/** What the cloud would have changed on the machine that the tests run on, were it not in namespaces. */
function outside(): (string | undefined)[] {
  return [
    '/usr/local/bin/hivemind',
    '/usr/bin/hivemind',
    '/sbin/mount.efs',
    '/run/docker/plugins/hivemind.sock',
    '/var/lib/hivemind/local-cloud',
  ].map((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found?.isSymbolicLink() === true ? readlinkSync(path) : found && `${found.ino} ${found.mtimeMs}`;
  });
}

beforeAll(async () => {
  // From the network, which that machine has not.
  await ensureVenv(join(checkout, '.hivemind', 'cache'));
  outsideBefore = outside();
  machine = await openMachine();
  mountsBefore = machine.mounts();
  await npm('up');
});
afterAll(() => machine?.close());

/** `npm run SCRIPT`; anything but success fails the test. Gives what it said. */
async function npm(script: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await machine.npm(script, ...args);
  expect(exitCode, `npm run ${script}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}

const mounting = (volume: string): string[] =>
  `-v ${volume}:/data --volume-driver hivemind --network none busybox`.split(' ');
/** Runs a command to its end in a container with the volume at /data. */
const once = (volume: string, ...command: string[]): Promise<string> =>
  machine.docker('run', '--rm', ...mounting(volume), ...command);
const inspect = async (name: string): Promise<Volume> =>
  JSON.parse(await machine.run('hivemind', 'volume', 'inspect', name, '--json')) as Volume;

/** Ends the writer of a volume, a container of the same name; whether another one finds all that it was told is written. */
async function leftIntact(writer: Writer, volume: string): Promise<boolean> {
  const count = writer.acknowledged();
  await machine.docker('rm', '--force', volume);
  return intactLines(await once(volume, 'cat', '/data/lines'), count);
}

const processes = ['storage', 'emulator', 'edge', 'imds-local', 'agent-local'] as const;

/** SIGKILL for a process of the cloud, by the pid that `up` has noted. */
async function kill(name: (typeof processes)[number]): Promise<void> {
  const { pid } = JSON.parse(readFileSync(join(machine.home, 'run', `${name}.pid`), 'utf8')) as {
    pid: number;
  };
  await machine.run('kill', '-KILL', String(pid));
  await until(`${name} is seen to be gone`, async () => {
    const { exitCode, stdout } = await machine.npm('status');
    return exitCode !== 0 && new RegExp(`^${name} +stopped$`, 'm').test(stdout);
  });
}

it('hivemind is on PATH, in a shell and in cron, and this machine is a host', async () => {
  expect(await npm('status')).not.toContain('stopped');
  expect(JSON.parse(await machine.run('hivemind', 'host', 'ls', '--json'))).toMatchObject([
    { hostname: 'own-machine', availabilityZone: 'us-east-1a', instanceState: 'running' },
  ]);
  const cron = ['PATH=/usr/bin:/bin', 'sh', '-c', 'hivemind volume ls --format json'];
  expect(JSON.parse(await machine.run('env', ...cron))).toEqual([]);
});

it('a container keeps its data; it and the CLI speak of the same volume', async () => {
  await machine.run('hivemind', 'volume', 'create', 'kept', '--size', '1G');
  await once('kept', 'sh', '-c', 'echo "hello" >/data/hello');
  expect(await once('kept', 'cat', '/data/hello')).toBe('hello');
  expect(await inspect('kept')).toMatchObject({ type: 'local', size: '1G' });
  expect(await machine.docker('volume', 'ls', '--quiet', '--filter', 'driver=hivemind')).toContain('kept');
});

/** A volume with a container that writes to it, as the emulator has it on disk. */
async function writtenTo(volume: string): Promise<Writer> {
  await machine.run('hivemind', 'volume', 'create', volume, '--size', '1G');
  const writer = await startWriter(machine, volume, volume);
  await writer.more(5);
  const { id } = await inspect(volume);
  await until('the emulator has saved it', () => hasSavedUse(machine.home, id));
  return writer;
}

describe('up starts what was killed, while a container writes on:', () => {
  it.each(processes)('%s', async (name) => {
    const volume = `killed-${name}`;
    const writer = await writtenTo(volume);
    await kill(name);
    await writer.more(5);
    await npm('up');
    expect(await npm('status')).not.toContain('stopped');
    await writer.more(5);
    expect(await leftIntact(writer, volume)).toBe(true);
  });

  it('all at once', async () => {
    const writer = await writtenTo('killed-all');
    for (const name of processes) await kill(name);
    await writer.more(5);
    await npm('up');
    await writer.more(5);
    expect(await leftIntact(writer, 'killed-all')).toBe(true);
  });
});

it('down and up: volumes, data and a container that runs stay; another up changes nothing', async () => {
  await machine.run('hivemind', 'volume', 'create', 'idle', '--size', '1G', '--labels', 'app=idle');
  await once('idle', 'sh', '-c', 'head -c 3000000 /dev/urandom >/data/bytes');
  const sum = await once('idle', 'sha256sum', '/data/bytes');
  await machine.run('hivemind', 'volume', 'create', 'busy', '--size', '1G');
  const writer = await startWriter(machine, 'busy', 'busy');
  await writer.more(5);
  await npm('down');
  expect((await machine.npm('status')).exitCode).toBe(1);
  await writer.more(5);
  await npm('up');
  await writer.more(5);
  expect(await inspect('idle')).toMatchObject({ labels: { app: 'idle' } });
  expect(await once('idle', 'sha256sum', '/data/bytes')).toBe(sum);
  const before = await npm('status', '--json');
  await npm('up');
  expect(await npm('status', '--json')).toBe(before);
  expect(await leftIntact(writer, 'busy')).toBe(true);
});

it('reset is refused while a container uses a volume, and then leaves nothing', async () => {
  await machine.run('hivemind', 'volume', 'create', 'last', '--size', '1G');
  const writer = await startWriter(machine, 'last', 'last');
  await writer.more(5);
  const refused = await machine.npm('reset');
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('/var/lib/hivemind/volumes/last (by sh');
  expect(await npm('status')).not.toContain('stopped');
  await writer.more(5);
  expect(await leftIntact(writer, 'last')).toBe(true);

  await npm('reset');
  expect(processesOf(machine.home).map(({ command }) => command)).toEqual([]);
  expect(machine.mounts()).toEqual(mountsBefore);
  expect(await machine.run('losetup', '--list', '--noheadings', '--output', 'BACK-FILE')).not.toContain(
    machine.home,
  );
  expect(readdirSync(machine.home)).toEqual([]);
  for (const dir of ['/var/lib/hivemind', '/run/docker/plugins', '/dev/disk/by-id'])
    expect([dir, ...readdirSync(machine.path(dir))]).toEqual([dir]);
  expect((await machine.attempt('sh', '-c', 'command -v hivemind || ls /sbin/mount.efs')).exitCode).not.toBe(
    0,
  );
});

it('nothing of it reached the machine that the tests run on', () => {
  expect(outside()).toEqual(outsideBefore);
});
