import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '#test/support/until.ts';
import { buildAgent } from './docker-host.ts';
import { pluginOn, type PluginAnswer } from './docker-plugin.ts';
import { FakeControlPlane } from './fake-control-plane.ts';
import { startHttpCloud, type Body } from './http-cloud.ts';
import { loopDevices, openSandbox, run } from './sandbox.ts';
import type { RouteName } from '#shared/model/routes.ts';

const hostId = 'i-0aaaaaaaaaaaaaaaa';

/** Tools of the agent that change something; each is run through a wrapper that can kill the agent around it. */
const tools = ['mkfs.ext4', 'mount', 'umount', 'fsfreeze'];

/** What an effect is called in the trace: the tool and what it is for. */
const wrapper = (tool: string, real: string, dir: string): string => `#!/bin/sh
case "${tool} $*" in
  *--bind*) key="mount data" ;;
  "mount "*) key="mount filesystem" ;;
  umount*/volumes/*) key="umount data" ;;
  umount*) key="umount filesystem" ;;
  *) key="${tool}" ;;
esac
echo "$key" >>${dir}/trace
if [ "$(cat ${dir}/armed)" = "before $key" ]; then : >${dir}/armed; kill -9 $PPID; exit 1; fi
${real} "$@"
code=$?
if [ "$(cat ${dir}/armed)" = "after $key" ]; then : >${dir}/armed; kill -9 $PPID; fi
exit $code
`;

/** The calls of the API that change something; sync and register do not. */
function nameOf(call: RouteName, { inUse, mounted }: Body): string | undefined {
  if (call === 'setLease') return `setLease ${inUse}`;
  if (call === 'reportFormatted') return mounted ? 'report mounted' : 'report formatted';
  const effects: readonly RouteName[] = ['hostCreateVolume', 'claimVolume', 'takeTicket', 'hostDeleteVolume'];
  return effects.includes(call) ? call : undefined;
}

/** An agent process that dies when told to, around any of its effects. */
export async function startMortalAgent() {
  const sandbox = await openSandbox();
  const { dir } = sandbox;
  const devices = loopDevices(dir);
  const cloud = new FakeControlPlane(devices);
  cloud.pollSeconds = 1;
  const armed = join(dir, 'armed');
  const trace = join(dir, 'trace');
  writeFileSync(armed, '');
  writeFileSync(trace, '');
  let child: ChildProcess | undefined;

  const http = await startHttpCloud(cloud, (when, call, body) => {
    const name = nameOf(call, body);
    if (name === undefined) return false;
    if (when === 'before') appendFileSync(trace, `${name}\n`);
    if (readFileSync(armed, 'utf8') !== `${when} ${name}`) return false;
    writeFileSync(armed, '');
    child?.kill('SIGKILL');
    return true;
  });
  const bundle = join(dir, 'agent.mjs');
  await buildAgent(bundle);
  await mkdir(join(dir, 'bin'));
  for (const tool of tools) {
    const real = (await run('sh', ['-c', `command -v ${tool}`])).stdout.trim();
    await writeFile(join(dir, 'bin', tool), wrapper(tool, real, dir), { mode: 0o755 });
  }
  const settings = {
    endpoint: http.endpoint,
    region: 'us-east-1',
    root: join(dir, 'root'),
    pluginSocket: join(dir, 'plugin.sock'),
    healthSocket: join(dir, 'health.sock'),
    dockerSocket: join(dir, 'no-docker.sock'),
    idleSeconds: 3600,
  };
  await writeFile(join(dir, 'agent.json'), JSON.stringify(settings));
  const env = {
    ...process.env,
    PATH: `${join(dir, 'bin')}:${process.env['PATH']}`,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: await http.metadataFor(hostId),
    AWS_ENDPOINT_URL: http.endpoint,
  };
  const command = [bundle, '--config', join(dir, 'agent.json')];
  const plugin = pluginOn(settings.pluginSocket);
  const isDead = (): boolean => child === undefined || child.exitCode !== null || child.signalCode !== null;
  const ensure = async (): Promise<void> => {
    if (!isDead()) return;
    child = spawn(process.execPath, command, { env, stdio: 'ignore' });
    await sandbox.owns(child.pid ?? 0);
    await until('the agent answers', () => plugin('Plugin.Activate'));
  };
  return {
    sandbox,
    cloud,
    devices,
    hostId,
    root: settings.root,
    arm: (when: 'before' | 'after', effect: string) => writeFileSync(armed, `${when} ${effect}`),
    isArmed: () => readFileSync(armed, 'utf8') !== '',
    effects: async () => (await readFile(trace, 'utf8')).trim().split('\n'),
    /** Asks as a user would who tries again: until the answer is good, starting the agent where it died. */
    insist: (call: string, body: object): Promise<PluginAnswer> =>
      until(`${call} succeeds`, async () => {
        await ensure();
        const answer = await plugin(call, body);
        return answer.Err === '' ? answer : undefined;
      }),
    command,
    env,
    /** SIGTERM; the exit code. */
    async terminate(): Promise<unknown> {
      if (child === undefined) return undefined;
      child.kill('SIGTERM');
      return ((await once(child, 'exit')) as unknown[])[0];
    },
    async close() {
      if (child !== undefined && !isDead()) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      cloud.close();
      await http.close();
      await sandbox.close();
    },
  };
}
