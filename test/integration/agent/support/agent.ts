import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { parseConfig } from '#agent/config.ts';
import { startDaemon, type Daemon } from '#agent/daemon.ts';
import { jsonLog } from '#agent/log.ts';
import { FakeControlPlane } from './fake-control-plane.ts';
import { pluginOn } from './docker-plugin.ts';
import { loopDevices, openSandbox, type Loops, type Sandbox } from './sandbox.ts';

export const hostA = 'i-0aaaaaaaaaaaaaaaa';

export interface Rig {
  readonly sandbox: Sandbox;
  readonly devices: Loops;
  readonly cloud: FakeControlPlane;
  readonly root: string;
  readonly log: string[];
  readonly plugin: ReturnType<typeof pluginOn>;
  readonly daemon: () => Daemon;
  /** Stops the agent and starts another one over the same folder; `bootId` makes it another boot. */
  restart(options?: { bootId?: string }): Promise<void>;
  close(): Promise<void>;
}

/** An agent in this process over a folder of its own, real devices and mounts, and the fake control plane. */
export async function startRig(settings: Record<string, unknown> = {}): Promise<Rig> {
  const sandbox = await openSandbox();
  const devices = loopDevices(sandbox.dir);
  const cloud = new FakeControlPlane(devices);
  cloud.pollSeconds = 1;
  const root = join(sandbox.dir, 'hivemind');
  const pluginSocket = join(sandbox.dir, 'plugin.sock');
  const log: string[] = [];
  let boot: string = randomUUID();
  const start = (): Promise<Daemon> =>
    startDaemon({
      config: parseConfig({
        endpoint: 'http://127.0.0.1:9',
        root,
        pluginSocket,
        healthSocket: join(sandbox.dir, 'health.sock'),
        dockerSocket: join(sandbox.dir, 'no-docker.sock'),
        allowedRoots: [join(sandbox.dir, 'data')],
        ...settings,
      }),
      machine: { bootId: boot, hostname: 'rig' },
      api: cloud.as(hostA),
      log: jsonLog({ level: 'debug', write: (line) => void log.push(line) }),
      version: '0.0.0-test',
      deviceWaitMs: 5_000,
    });
  let daemon = await start();
  return {
    sandbox,
    devices,
    cloud,
    root,
    log,
    plugin: pluginOn(pluginSocket),
    daemon: () => daemon,
    async restart({ bootId = boot } = {}) {
      await daemon.stop();
      boot = bootId;
      daemon = await start();
    },
    async close() {
      cloud.close();
      await daemon.stop();
      await sandbox.close();
    },
  };
}
