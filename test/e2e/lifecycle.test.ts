import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireCloud } from '#local/cloud/cloud-file.ts';
import { down, reset } from '#local/cloud/down.ts';
import { silent } from '#local/cloud/progress.ts';
import { checkout } from '#local/cloud/runtime.ts';
import { runningProcess } from '#local/cloud/services.ts';
import { isUp, status } from '#local/cloud/status.ts';
import { up } from '#local/cloud/up.ts';
import { attempt, run } from '#local/hosts/exec.ts';
import { addHost, removeHost } from '#local/hosts/hosts.ts';
import { findMachine } from '#local/hosts/machine.ts';
import { processesOf, type Running } from './harness/processes-of.ts';

/** The local cloud's own life, in a home that nobody else uses. */
let home: string;
const services = ['storage', 'emulator', 'edge'] as const;

const start = () => up({ home, port: 0, yes: true, docker: false, apart: true, progress: silent });
const hivemind = (...args: string[]): Promise<string> =>
  run(join(home, 'bin', 'hivemind'), args, { env: { HOME: home, XDG_CONFIG_HOME: '' } });
const names = async (): Promise<string[]> =>
  (JSON.parse(await hivemind('volume', 'ls', '--format', 'json')) as { name: string }[]).map(
    ({ name }) => name,
  );
const pids = () => services.map((name) => runningProcess(home, name)?.pid);

beforeAll(async () => {
  home = mkdtempSync('/var/tmp/hivemind-life-');
  await start();
});
afterAll(async () => {
  await reset({ home, progress: silent });
  rmSync(home, { recursive: true, force: true });
});

describe('up', () => {
  it('starts nothing twice', async () => {
    const before = pids();
    await start();
    expect(pids()).toEqual(before);
    expect(isUp(await status(home))).toBe(true);
  });

  it('may be called twice at once', async () => {
    await down({ home, progress: silent });
    await Promise.all([start(), start()]);
    expect(isUp(await status(home))).toBe(true);
  });

  it('keeps its keys to its owner', () => {
    expect(statSync(join(home, 'cloud.json')).mode & 0o077).toBe(0);
    expect(statSync(join(home, 'cli', 'config.json')).mode & 0o077).toBe(0);
  });
});

describe('all that runs, with a host', () => {
  let running: Running[];
  beforeAll(async () => {
    await addHost(requireCloud(home), 'watched', { docker: false });
    // A call, so that a function runs as well.
    expect(await names()).toEqual([]);
    running = processesOf(home);
  });
  afterAll(async () => {
    await removeHost(requireCloud(home), 'watched');
  });

  it('is the services, the host’s metadata service and its agent', () => {
    const { imds } = findMachine(requireCloud(home), 'watched').record;
    const found = running.map(({ pid }) => pid);
    expect(found).toEqual(expect.arrayContaining([...pids(), imds?.pid]));
    expect(running.filter(({ command }) => /agent\S*\.m?js/.test(command))).not.toEqual([]);
  });

  it('is nothing from node_modules', () => {
    const wrong = running.filter(({ maps, command }) => `${maps}${command}`.includes('node_modules'));
    expect(wrong.map(({ command }) => command)).toEqual([]);
  });

  it('listens on loopback and hosts’ own addresses only', () => {
    const { imds } = findMachine(requireCloud(home), 'watched').record;
    const listens = running.flatMap(({ pid, listens: where }) => where.map((each) => ({ pid, each })));
    expect(listens.length).toBeGreaterThanOrEqual(services.length);
    const outside = listens.filter(({ each }) => !/^(127|10\.99)\./.test(each));
    expect(outside).toEqual([{ pid: imds?.pid, each: '169.254.169.254:80' }]);
  });
});

describe('state', () => {
  it('survives down and up', async () => {
    await hivemind('volume', 'create', 'kept', '--size', '1G', '--zone', 'us-east-1a', '--wait');
    await down({ home, progress: silent });
    expect(isUp(await status(home))).toBe(false);
    await start();
    expect(await names()).toEqual(['kept']);
    expect(JSON.parse(await hivemind('volume', 'inspect', 'kept', '--json'))).toMatchObject({
      state: 'available',
    });
  });

  it.each(services)('survives kill -9 of the %s', async (name) => {
    process.kill(runningProcess(home, name)?.pid ?? 0, 'SIGKILL');
    await start();
    expect(await names()).toContain('kept');
    await hivemind('volume', 'create', `after-${name}`, '--size', '1G', '--zone', 'us-east-1a', '--wait');
    expect(await names()).toContain(`after-${name}`);
  });

  it('is made again from the storage service when the emulator has lost all of it', async () => {
    await down({ home, progress: silent });
    rmSync(join(home, 'emulator'), { recursive: true, force: true });
    await start();
    expect(await names()).toContain('kept');
    expect(JSON.parse(await hivemind('volume', 'inspect', 'kept', '--json'))).toMatchObject({
      state: 'available',
      sizeBytes: 2 ** 30,
    });
  });
});

describe('npm ci under a running cloud', () => {
  it('harms nothing', async () => {
    const copy = mkdtempSync('/var/tmp/hivemind-checkout-');
    const own = join(copy, '.hivemind');
    const npm = (...args: string[]): Promise<string> =>
      run('npm', args, { cwd: copy, timeout: 600_000, env: { CI: 'true', HIVEMIND_HOME: own } });
    try {
      for (const name of readdirSync(checkout).filter(
        (each) => !['node_modules', '.hivemind', '.git', 'cdk.out'].includes(each),
      )) {
        cpSync(join(checkout, name), join(copy, name), { recursive: true });
      }
      await npm('ci');
      await npm('run', 'up', '--', '--port', '0', '--apart', '--no-docker');
      await npm('ci');
      const listed = await attempt(
        join(own, 'bin', 'hivemind'),
        ['volume', 'create', 'later', '--size', '1G', '--zone', 'us-east-1a', '--wait'],
        { env: { HOME: own, XDG_CONFIG_HOME: '' } },
      );
      expect(listed).toMatchObject({
        exitCode: 0,
        stderr: expect.not.stringContaining('hivemind:') as string,
      });
      await npm('run', 'reset');
      expect(existsSync(join(own, 'cloud.json'))).toBe(false);
    } finally {
      await reset({ home: own, progress: silent });
      rmSync(copy, { recursive: true, force: true });
    }
  });
});

describe('the command line', () => {
  const local = (...args: string[]) =>
    attempt(process.execPath, [join(checkout, 'local', 'main.ts'), ...args]);

  it('says what it can do, and exits 2 for what it cannot', async () => {
    const { exitCode, stderr } = await local('fly');
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('"fly" is not a command') as string,
    });
  });

  it('tells the status with exit code 0 only while all runs', async () => {
    expect(await local('status', '--home', home)).toMatchObject({ exitCode: 0 });
    await down({ home, progress: silent });
    expect(await local('status', '--home', home)).toMatchObject({ exitCode: 1 });
  });

  it('shows logs', async () => {
    const { stdout } = await local('logs', 'edge', '--home', home);
    expect(stdout).not.toBe('');
  });
});
