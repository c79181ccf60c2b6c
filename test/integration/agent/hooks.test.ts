import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConsistencyPlan } from '#agent/freeze/consistency.ts';
import { until } from '#test/support/until.ts';
import { image, openDockerRig, type DockerHost, type DockerRig } from './support/docker-host.ts';

describe('hooks in containers of a real dockerd', () => {
  let rig: DockerRig;
  let host: DockerHost;
  let mountpoint: string;
  beforeAll(async () => {
    rig = await openDockerRig();
    host = await rig.addHost('i-0aaaaaaaaaaaaaaaa');
    await host.docker('volume', 'create', '-d', 'hivemind', '-o', 'size=1G', 'db');
    const script = 'while :; do sleep 1; done';
    const flags = ['--network', 'none', '--stop-timeout', '1', '-v', 'db:/data'];
    await host.docker('run', '-d', '--name', 'db', ...flags, image, 'sh', '-c', script);
    mountpoint = join(host.root, 'mounts', rig.cloud.volume('db').id);
  });
  afterAll(async () => {
    await rig.close();
  });

  const main = join(import.meta.dirname, 'support/hooks.main.ts');
  const carryOut = async (plan: ConsistencyPlan): Promise<unknown> =>
    JSON.parse(await host.exec(process.execPath, main, '/run/docker.sock', host.root, JSON.stringify(plan)));
  const inside = (script: string): Promise<string> => host.docker('exec', 'db', 'sh', '-c', script);
  const hook = (script: string) => ({ container: 'db', command: ['sh', '-c', script] });
  beforeEach(async () => {
    await inside('echo >/data/trace');
  });

  it('run before the freeze and after the thaw, so that both can write to the volume', async () => {
    const hooks = {
      before: hook('echo before >>/data/trace; echo out; echo err >&2'),
      after: { ...hook('echo after >>/data/trace; id -u'), user: '0' },
    };
    expect(await carryOut({ hooks, freeze: { mountpoint } })).toMatchObject({
      result: expect.stringContaining('/docker') as string,
      frozenMs: expect.any(Number) as number,
      mark: { path: '.hivemind/mark' },
      hooks: [
        {
          when: 'before',
          ok: true,
          code: 0,
          output: expect.stringMatching(/^(out\nerr|err\nout)$/) as string,
        },
        { when: 'after', ok: true, code: 0, output: '0' },
      ],
    });
    expect((await inside('cat /data/trace')).trim()).toBe('before\nafter');
  });

  it('that fail keep the work from beginning, with their own words', async () => {
    const hooks = { before: hook('echo no lock; exit 7'), after: hook('echo after >>/data/trace') };
    expect(await carryOut({ hooks })).toMatchObject({
      error: { code: 'CommandFailed', detail: expect.stringMatching(/exit code 7.*no lock/) as string },
    });
    expect((await inside('cat /data/trace')).trim()).toBe('after');
  });

  it('are killed at their time-out, with what they have started', async () => {
    const before = { ...hook('echo began; sleep 4321 & sleep 4321'), timeoutMs: 1_000 };
    expect(await carryOut({ hooks: { before: { ...before, onError: 'continue' } } })).toMatchObject({
      hooks: [{ ok: false, error: expect.stringMatching(/did not end within 1 s.*began/) as string }],
    });
    await until('nothing of it runs', async () => !(await host.docker('top', 'db')).includes('sleep 4321'));
  });

  it('say that a container is not there, or that Docker does not answer', async () => {
    const before = { ...hook('true'), container: 'nobody' };
    expect(await carryOut({ hooks: { before } })).toMatchObject({
      error: {
        code: 'CommandFailed',
        detail: expect.stringContaining('No such container: nobody') as string,
      },
    });
    const command = [main, '/run/nothing.sock', host.root, JSON.stringify({ hooks: { before } })];
    expect(JSON.parse(await host.exec(process.execPath, ...command))).toMatchObject({
      error: { detail: expect.stringContaining('does not answer on /run/nothing.sock') as string },
    });
  });
});
