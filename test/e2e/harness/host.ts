import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostEnvironment, stopAgent } from '#local/hosts/agent.ts';
import type { HostCloud } from '#local/hosts/cloud.ts';
import { startDocker } from '#local/hosts/docker.ts';
import type { Outcome } from '#local/hosts/exec.ts';
import { killDaemon, setPartition } from '#local/hosts/faults.ts';
import type { Partition } from '#local/hosts/faults.ts';
import {
  addHost,
  cutHost,
  freezeHost,
  removeHost,
  startHost,
  stopHost,
  thawHost,
} from '#local/hosts/hosts.ts';
import type { AddOptions } from '#local/hosts/hosts.ts';
import { findMachine, insideOf, isUp } from '#local/hosts/machine.ts';
import { attemptInside, runInside } from '#local/hosts/namespaces.ts';

/** A host of the test cloud: what a person does at its keyboard, and what can happen to it. */
export interface TestHost {
  readonly name: string;
  readonly instanceId: string;
  /** Runs a command inside; anything but success throws with what it said. Gives trimmed stdout. */
  run(...argv: string[]): Promise<string>;
  /** Runs a command inside to its end, however that is. `input` goes to stdin. */
  attempt(argv: readonly string[], input?: string): Promise<Outcome>;
  /** `docker …` inside. */
  docker(...args: string[]): Promise<string>;
  /** Starts a container of that name with a volume of ours at /data. */
  container(name: string, volume: string, ...command: string[]): Promise<string>;
  /** Runs a command to its end in a container with a volume of ours at /data. Gives trimmed stdout. */
  once(volume: string, ...command: string[]): Promise<string>;
  /** `docker-compose …` inside, in a folder. */
  compose(folder: string, ...args: string[]): Promise<string>;
  /** A path of the host as this machine sees it; also while the host is frozen. */
  path(inside: string): string;
  killAgent(): Promise<void>;
  /** Lets the agent end its work. */
  stopAgent(): Promise<void>;
  /** Starts the agent, and Docker, wherever they do not run. */
  revive(): Promise<void>;
  killDocker(): Promise<void>;
  startDocker(...flags: string[]): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  cut(): Promise<void>;
  partition(kind: Partition): Promise<void>;
  remove(): Promise<void>;
  /** What the agent has logged so far. */
  agentLog(): string;
  /** Mounts that the host has, as /proc/mounts lists them. */
  mounts(): string[];
}

const mounting = (volume: string): string[] => [
  '-v',
  `${volume}:/data`,
  '--volume-driver',
  'hivemind',
  '--network',
  'none',
  'busybox',
];

/** Long enough for an attach that is tried again. */
const COMMAND_MS = 150_000;

/** Adds a host to the cloud, with agent and Docker unless told otherwise. */
export async function addTestHost(
  cloud: HostCloud,
  name: string,
  options: AddOptions = {},
): Promise<TestHost> {
  const { record } = await addHost(cloud, name, options);
  const machine = () => findMachine(cloud, name);
  const settings = () => ({ env: hostEnvironment(machine()), timeout: COMMAND_MS });
  const run = async (...argv: string[]): Promise<string> =>
    (await runInside(insideOf(machine()), argv, settings())).trim();
  const root = (): string => `/proc/${machine().record.init?.pid ?? 0}/root`;
  return {
    name,
    instanceId: record.instanceId,
    run,
    attempt: (argv, input) =>
      attemptInside(insideOf(machine()), argv, { ...settings(), ...(input === undefined ? {} : { input }) }),
    docker: (...args) => run('docker', ...args),
    container: (container, volume, ...command) =>
      run('docker', 'run', '-d', '--name', container, ...mounting(volume), ...command),
    once: (volume, ...command) => run('docker', 'run', '--rm', ...mounting(volume), ...command),
    compose: (folder, ...args) =>
      run('docker-compose', '--project-directory', folder, '-f', join(folder, 'docker-compose.yml'), ...args),
    path: (inside) => join(root(), inside),
    killAgent: () => killDaemon(cloud, name, 'agent'),
    stopAgent: () => stopAgent(machine()),
    revive: async () => {
      await startHost(cloud, name);
    },
    killDocker: () => killDaemon(cloud, name, 'dockerd'),
    startDocker: (...flags) => startDocker(insideOf(machine()), machine().paths.dir, flags),
    stop: () => stopHost(cloud, name),
    start: async () => {
      await startHost(cloud, name);
    },
    freeze: () => freezeHost(cloud, name),
    thaw: () => thawHost(cloud, name),
    cut: () => cutHost(cloud, name),
    partition: (kind) => setPartition(cloud, name, kind),
    remove: () => removeHost(cloud, name),
    agentLog: () => readFileSync(join(machine().paths.log, 'agent.log'), 'utf8'),
    mounts: () =>
      isUp(machine()) ? readFileSync(join(root(), 'proc/1/mounts'), 'utf8').split('\n').filter(Boolean) : [],
  };
}
