import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEdge, type Edge } from '#local/edge/edge.ts';
import type { EdgeSettings } from '#local/edge/settings.ts';
import { startEmulator, type Emulator } from '#local/emulator/emulator.ts';
import { ensureVenv } from '#local/emulator/venv.ts';

const checkout = join(import.meta.dirname, '..', '..', '..');

/** An emulator and an edge in front of it, in a folder of their own. */
export interface TestCloud {
  readonly home: string;
  readonly edge: Edge;
  readonly aws: string;
  readonly api: string;
  readonly adminSocket: string;
  emulator: Emulator;
  /** The API at the root of the API port. */
  apiId: string | undefined;
  readonly settings: EdgeSettings;
  startEmulator(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestCloudOptions {
  readonly storagePort?: number;
  readonly storageAdminSocket?: string;
  readonly apiTimeout?: number;
}

export const edgeToken = 'token-of-the-edge';

/** Starts both on free ports. The virtual environment is made once per checkout and kept. */
export async function startCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const venv = await ensureVenv(join(checkout, '.hivemind', 'cache'));
  const home = await mkdtemp(join(tmpdir(), 'hm-edge-'));
  const [emulatorPort, awsPort, apiPort] = await freePorts(3);
  const ports = { aws: awsPort, api: apiPort, emulator: emulatorPort, storage: options.storagePort ?? 1 };
  const run = (name: string): string => join(home, 'run', name);
  const cloud: { apiId: string | undefined } = { apiId: undefined };
  const settings: EdgeSettings = {
    region: 'us-east-1',
    account: '000000000000',
    ports,
    adminSocket: run('edge.sock'),
    identitySocket: run('identity.sock'),
    storageAdminSocket: options.storageAdminSocket ?? run('storage.sock'),
    edgeToken,
    apiId: () => cloud.apiId,
    ...(options.apiTimeout === undefined ? {} : { apiTimeout: options.apiTimeout }),
  };
  const start = (): Promise<Emulator> => startEmulator({ home, venv, ports });
  const emulator = await start();
  const edge = await startEdge(settings);
  return Object.assign(cloud, {
    home,
    edge,
    emulator,
    settings,
    aws: `http://127.0.0.1:${awsPort}`,
    api: `http://127.0.0.1:${apiPort}`,
    adminSocket: settings.adminSocket,
    async startEmulator(this: TestCloud) {
      this.emulator = await start();
    },
    async stop(this: TestCloud) {
      await edge.close();
      await this.emulator.stop();
      await rm(home, { recursive: true, force: true });
    },
  });
}

/** Ports that were free a moment ago, held at once so that they differ. */
async function freePorts(count: 3): Promise<[number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    ports.push(typeof address === 'object' && address ? address.port : 0);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports as [number, number, number];
}
