import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { emulatorCommand, emulatorReady } from '#local/emulator/emulator.ts';
import { ensureVenv } from '#local/emulator/venv.ts';
import { resumeHosts } from '#local/hosts/fleet.ts';
import { withLock } from '#local/hosts/lock.ts';
import { afterDeploy } from './after-deploy.ts';
import { ensureCliUser, installCli, linkCli } from './cli-user.ts';
import { readCloud, updateCloud, writeCloud, type CloudFile } from './cloud-file.ts';
import { deploy } from './deploy.ts';
import { socketReady } from './http.ts';
import { allocatePorts } from './ports.ts';
import { baseTools, dockerTools, ensurePrerequisites } from './prerequisites.ts';
import type { Progress } from './progress.ts';
import { rebuildRecords } from './rebuild.ts';
import { checkout, ensureRuntime } from './runtime.ts';
import { ensureService } from './services.ts';
import { ensureThisHost, whoHasThisMachine } from './this-host.ts';

export interface UpOptions {
  readonly home: string;
  /** First of four ports in a row; 0 takes any free ones. Only read when the cloud is new. */
  readonly port: number;
  /** Install what is missing without asking. */
  readonly yes: boolean;
  /** See that Docker is there too. */
  readonly docker: boolean;
  /**
   * A cloud that this machine does not take part in: no agent of its own, nothing on PATH. For tests, which bring
   * their own hosts.
   */
  readonly apart: boolean;
  readonly progress: Progress;
}

const region = 'us-east-1';
const account = '000000000000';

/** Starts the local cloud, or whatever of it does not run. Idempotent; two at once wait for each other. */
export async function up(options: UpOptions): Promise<CloudFile> {
  const { home, progress } = options;
  await ensurePrerequisites({
    tools: options.docker ? [...baseTools, ...dockerTools] : baseTools,
    yes: options.yes,
    progress,
  });
  mkdirSync(home, { recursive: true, mode: 0o755 });
  return withLock(`cloud ${realpathSync(home)}`, () => start(options));
}

async function start({ home, port, apart, progress }: UpOptions): Promise<CloudFile> {
  const venv = await progress.step('emulator environment', () =>
    ensureVenv(join(checkout, '.hivemind', 'cache')),
  );
  const version = await progress.step('runtime', () => ensureRuntime(home));
  const known = readCloud(home) ?? writeCloud(await newCloud(home, { port, venv }));
  await progress.step('storage service', () => startStorage(known, version));
  await progress.step('emulator', () => startEmulator(known, { version, venv }));
  await progress.step('edge', () => startEdge(known, version));
  let cloud = await deploy(known, progress);
  await progress.step('after the deployment', () => afterDeploy(cloud));
  const rebuilt = await rebuildRecords(cloud);
  if (rebuilt.length > 0) progress.line(`  records made again from their EBS volumes: ${rebuilt.join(', ')}`);
  cloud = await progress.step('CLI user', () => ensureCliUser(cloud));
  installCli(cloud);
  await resumeHosts(cloud, (line) => progress.line(`  ${line}`));
  if (!apart) await joinThisMachine(cloud, { version, progress });
  return cloud;
}

async function joinThisMachine(
  cloud: CloudFile,
  { version, progress }: { version: string; progress: Progress },
): Promise<void> {
  const { home } = cloud;
  const other = await whoHasThisMachine(home);
  if (other !== undefined) {
    progress.line(
      `  this machine is a host of ${other}: it gets no agent of this cloud, and PATH stays as it is`,
    );
    return;
  }
  for (const taken of linkCli(home))
    progress.line(`  ${taken} is not ours and stays; the CLI is at ${join(home, 'bin', 'hivemind')}`);
  await progress.step('agent on this host', () => ensureThisHost(cloud, version));
}

async function newCloud(home: string, { port, venv }: { port: number; venv: string }): Promise<CloudFile> {
  return {
    version: 1,
    home,
    region,
    account,
    ports: await allocatePorts(port),
    sockets: { edgeAdmin: 'run/edge.sock', storageAdmin: 'run/storage.sock', identity: 'run/identity.sock' },
    network: { index: 0 },
    edgeToken: randomBytes(24).toString('hex'),
    serviceModels: serviceModels(venv),
  };
}

function serviceModels(venv: string): string {
  const found = ['python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10']
    .map((python) => join(venv, 'lib', python, 'site-packages', 'botocore', 'data'))
    .find((path) => existsSync(path));
  return found ?? join(venv, 'botocore', 'data');
}

const bundle = (home: string, name: string): string[] => [
  join(home, 'runtime', 'node'),
  join(home, 'runtime', 'bundles', `${name}.mjs`),
  '--home',
  home,
];

const serviceEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

function startStorage({ home, sockets }: CloudFile, version: string): Promise<void> {
  const ready = (): Promise<boolean> => socketReady(join(home, sockets.storageAdmin));
  return ensureService(home, {
    name: 'storage',
    version,
    argv: bundle(home, 'storage'),
    env: serviceEnvironment,
    ready,
  });
}

async function startEmulator(
  cloud: CloudFile,
  { version, venv }: { version: string; venv: string },
): Promise<void> {
  const { home, ports } = cloud;
  if (cloud.serviceModels !== serviceModels(venv)) updateCloud(home, { serviceModels: serviceModels(venv) });
  const runtime = join(home, 'runtime');
  const { argv, env } = emulatorCommand({
    home,
    venv,
    ports,
    launcher: join(runtime, 'bundles'),
    nodeFolder: runtime,
  });
  await ensureService(home, {
    name: 'emulator',
    version,
    argv,
    env,
    ready: () => emulatorReady(ports.emulator),
    grace: 15_000,
  });
}

function startEdge({ home, sockets }: CloudFile, version: string): Promise<void> {
  const ready = (): Promise<boolean> => socketReady(join(home, sockets.edgeAdmin));
  return ensureService(home, {
    name: 'edge',
    version,
    argv: bundle(home, 'edge'),
    env: serviceEnvironment,
    ready,
  });
}
