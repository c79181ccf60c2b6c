import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '#cli/doctor/finding.ts';
import type { Problem } from '#shared/model/errors.ts';
import type { Host } from '#shared/model/host.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** The commands of the documents, as they are printed there, against the deployed product. */
const cloud = joinCloud();
const bin = join(cloud.file.home, 'bin');
afterAll(() => cloud.close());

/** Runs a line as cron does: a shell, hardly any environment, no config file of the person's own. */
function cron(line: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: join(cloud.file.home, 'cli') };
  return new Promise((resolve) => {
    const child = execFile('/bin/sh', ['-c', line], { env, timeout: 120_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

it('lists what is to be backed up, with the line of the documents’ script, from cron', async () => {
  const [wanted, other] = [cloud.unique('wanted'), cloud.unique('other')];
  await cloud.hivemind('volume', 'create', wanted, '--type', 'ephemeral', '--labels', 'backup=true');
  await cloud.hivemind('volume', 'create', other, '--type', 'ephemeral', '--labels', 'backup=false');
  const { code, stdout, stderr } = await cron(
    `hivemind volume ls --format json | jq -r '.[] | select(.labels.backup=="true") | .name'`,
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toContain(wanted);
  expect(stdout.split('\n')).not.toContain(other);
});

it('doctor finds the local cloud well', async () => {
  const { code, stdout } = await cron('hivemind doctor --json');
  const findings = JSON.parse(stdout) as Finding[];
  const states = ['settings', 'credentials', 'endpoint', 'clock', 'identity'].map((check) => [
    check,
    findings.find((finding) => finding.check === check)?.status,
  ]);
  expect(states.filter(([, status]) => status !== 'ok')).toEqual([]);
  expect(code).toBe(0);
});

describe('the documents’ curl lines through the proxy', () => {
  let proxy: ChildProcess | undefined;
  let url = '';
  afterEach(async () => {
    const ended = new Promise((resolve) => proxy?.once('exit', resolve));
    if (proxy?.kill('SIGTERM') === true) await ended;
    proxy = undefined;
  });

  async function startProxy(): Promise<void> {
    const child = spawn(join(bin, 'hivemind'), ['proxy', '--port', '0'], {
      env: { PATH: '/usr/bin:/bin', HOME: join(cloud.file.home, 'cli') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    proxy = child;
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    url = await until('the proxy says its port', () => /http:\/\/localhost:\d+/.exec(said)?.[0]);
  }

  it('create, list, delete and deploy', async () => {
    await startProxy();
    const name = cloud.unique('curl');
    const body = `{
    "name": "${name}",
    "size": "10G",
    "type": "local",
    "labels": {
      "app": "db",
      "env": "prod"
    }
  }`;
    const post = `-H "Content-Type: application/json"`;
    const made = await cron(`curl -fsS -X POST ${url}/api/volumes/create ${post} -d '${body}'`);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    await until('the volume is there', async () => {
      const listed = await cron(`curl -fsS -X GET ${url}/api/volumes`);
      const found = (JSON.parse(listed.stdout) as Volume[]).find((volume) => volume.name === name);
      return found?.state === 'available' || found?.state === 'unplaced';
    });
    const gone = await cron(
      `curl -fsS -X POST ${url}/api/volumes/delete ${post} -d '{ "name": "${name}", "force": false }'`,
    );
    expect(gone).toMatchObject({ code: 0, stderr: '' });
    const deploy = await cron(`curl -sS -X POST ${url}/api/deploy ${post} -d '{ "image": "mysql:8" }'`);
    expect((JSON.parse(deploy.stdout) as Problem).code).toBe('NotImplemented');
  });
});

describe('on a host,', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await cloud.addHost('cli');
  });

  it('doctor finds everything well, the hop limit included', async () => {
    const found = await host.run(join(bin, 'hivemind'), 'doctor', '--json');
    const findings = JSON.parse(found) as Finding[];
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    const checks = ['imds', 'hop limit', 'tools', 'root', 'agent', 'mounts'];
    expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(checks));
  });
});

describe('host ls', () => {
  it('says what EC2 says: a host that was stopped is stopped, and runs when it was started', async () => {
    const host = await cloud.addHost('halt', { docker: false });
    const said = async (): Promise<string | undefined> => {
      const hosts = await cloud.hivemindJson<Host[]>('host', 'ls');
      return hosts.find(({ id }) => id === host.instanceId)?.instanceState;
    };
    expect(await said()).toBe('running');
    await host.stop();
    await until('it is said to be stopped', async () => (await said()) === 'stopped');
    await host.start();
    await until('it is said to run', async () => (await said()) === 'running');
  });
});

describe('host drain', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await cloud.addHost('drain');
  });

  it('hands on what is idle, names what is in use, and is done when that is free', async () => {
    const [idle, used] = [cloud.unique('idle'), cloud.unique('used')];
    await host.once(idle, 'true');
    await host.container(used, used, 'sleep', '3600');
    const draining = ['host', 'drain', host.instanceId];
    const early = await cloud.attemptHivemind([...draining, '--timeout', '20s']);
    expect(early.exitCode).toBe(6);
    expect(early.stderr).toContain(`- ${used}: in use`);
    expect(early.stderr).not.toContain(`- ${idle}:`);
    await host.docker('rm', '-f', used);
    await cloud.hivemind(...draining, '--timeout', '60s');
    const { draining: is, volumes } = await cloud.hivemindJson<Host>('host', 'inspect', host.instanceId);
    expect([is, volumes]).toEqual([true, []]);
    const refused = await cloud.attemptHivemind(['volume', 'attach', idle, '--host', host.instanceId]);
    expect(refused.exitCode).toBe(5);
    await cloud.hivemind(...draining, '--cancel');
    await cloud.hivemind('volume', 'attach', idle, '--host', host.instanceId);
  });
});
