import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PurgeTask, Registration } from '#shared/model/host.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { Driver as DriverName } from '#shared/model/volume.ts';
import type { AgentConfig } from './config.ts';
import { bindDriver } from './drivers/bind/bind.driver.ts';
import type { Drivers } from './drivers/driver.ts';
import { ebsDriver } from './drivers/ebs/ebs.driver.ts';
import { systemFilesystems } from './drivers/ebs/filesystem.ts';
import { efsDriver } from './drivers/efs/efs.driver.ts';
import { emptyDirectory } from './drivers/efs/purge.ts';
import { tmpfsDriver } from './drivers/tmpfs/tmpfs.driver.ts';
import type { FreezePorts } from './freeze/freezer.ts';
import { thawLeftovers } from './freeze/leftovers.ts';
import { systemFreeze } from './freeze/system.ts';
import { healthListener } from './health.ts';
import { systemBlocks } from './host/blocks.ts';
import { dockerCommands } from './host/docker-exec.ts';
import { dockerEngine } from './host/docker.ts';
import { systemExec, type Exec } from './host/exec.ts';
import type { Machine } from './host/machine.ts';
import { systemMounts, type Mounts } from './host/mounts.ts';
import { kernelUsers } from './host/users.ts';
import type { Api } from './link/api.ts';
import { persistentApi } from './link/persistent.ts';
import { isAway } from './link/away.ts';
import { objectTransfer } from './link/objects.ts';
import { SyncLoop } from './link/sync-loop.ts';
import type { Log } from './log.ts';
import { pluginCalls } from './plugin/protocol.ts';
import { pluginListener } from './plugin/server.ts';
import { listenOn, type UnixServer } from './plugin/unix-server.ts';
import { createVolumeCalls } from './plugin/volumes.ts';
import { createEngine, type Engine } from './reconcile/engine.ts';
import { openHolds, type Holds } from './reconcile/holds.ts';
import { createKnowledge } from './reconcile/knowledge.ts';
import { openRecords, type Records } from './reconcile/records.ts';
import { sweepOrphans } from './reconcile/orphans.ts';
import { createRunner, type Runner } from './reconcile/runner.ts';
import { shownOf, stageOf, type Places } from './reconcile/view.ts';
import { drillPlaces, resticFolder, performer, type PerformPorts } from './tasks/perform.ts';
import { Tasks } from './tasks/tasks.ts';
import { cleanRestic } from './restic/leftovers.ts';
import { cleanCopies } from './verify/leftovers.ts';
import { clearScratch } from './verify/scratch.ts';

export interface DaemonOptions {
  readonly config: AgentConfig;
  readonly machine: Machine;
  readonly api: Api;
  readonly log: Log;
  readonly version: string;
  /** Called with each registration: where the host's queue is. `wake` makes the loop sync. */
  readonly onRegistered?: (registration: Registration, wake: () => void) => void;
  /** Called when the control plane does not take the caller for this host. */
  readonly onDenied?: () => void;
  /** For tests: how long to wait for a device to show. */
  readonly deviceWaitMs?: number;
}

export interface Daemon {
  /** Makes the loop sync soon. */
  wake(): void;
  /** Ends what runs, step by step; leaves every mount as it is. */
  stop(): Promise<void>;
}

const sweepsAtOnce = 4;

interface Parts {
  readonly options: DaemonOptions;
  readonly exec: Exec;
  readonly mounts: Mounts;
  readonly drivers: Drivers;
  readonly records: Records;
  readonly holds: Holds;
  readonly runner: Runner;
  readonly places: Places;
}

/**
 * Wires the agent and starts it: what an earlier one left frozen is thawed, then the sockets, since what is mounted is served
 * with or without the API.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const parts = await assemble(options);
  await thawLeftovers(freezeOf(parts));
  await cleanCopies({ mounts: parts.mounts, log: options.log }, drillPlaces(options.config.root));
  clearDrills(parts);
  await cleanRestic(resticFolder(options.config.root));
  const { loop, engine } = connect(parts);
  const servers = await openSockets(parts, loop, engine);
  loop.start();
  options.log.info('started', { version: options.version, root: options.config.root });
  return {
    wake: () => loop.request(),
    async stop() {
      options.log.info('stopping; mounts stay');
      await Promise.all(servers.map((server) => server.close()).concat(parts.runner.stop()));
      await loop.stop();
    },
  };
}

async function assemble(options: DaemonOptions): Promise<Parts> {
  const { config, machine, log } = options;
  const exec = systemExec(log);
  const mounts = systemMounts(exec);
  const stages = join(config.root, 'mounts');
  await mkdir(config.volumesDir, { recursive: true, mode: 0o755 });
  return {
    options,
    exec,
    mounts,
    drivers: createDrivers(options, exec, mounts),
    records: await openRecords(join(config.root, 'records'), machine.bootId),
    holds: await openHolds({
      file: join(config.root, 'holds.json'),
      bootId: machine.bootId,
      holdSeconds: config.holdSeconds,
    }),
    runner: createRunner(),
    places: { bootId: machine.bootId, stages, volumes: config.volumesDir },
  };
}

/** Takes its time, which nobody waits for but the next drill. */
function clearDrills({ options: { config, log }, exec, runner }: Parts): void {
  const places = { exec, log, ...drillPlaces(config.root) };
  const clear = (): Promise<void> => clearScratch(places);
  runner.run('drill', 'clear', clear).catch((error: unknown) => log.warn('drills not cleared', { error }));
}

function freezeOf({ options: { config, log }, exec, mounts }: Parts): FreezePorts {
  return systemFreeze({ root: config.root, docker: dockerCommands(config.dockerSocket), exec, mounts, log });
}

function createDrivers(options: DaemonOptions, exec: Exec, mounts: Mounts): Drivers {
  const { api, log, config, deviceWaitMs } = options;
  const blocks = systemBlocks(exec);
  const filesystems = systemFilesystems(exec, blocks);
  const own = ['mounts', 'records', 'purges', 'looks', 'verify', 'manifests', 'drills', 'restic'].map(
    (name) => join(config.root, name),
  );
  const rules = { allowedRoots: config.allowedRoots, reserved: [...own, config.volumesDir] };
  return {
    ebs: ebsDriver({
      api,
      blocks,
      filesystems,
      mounts,
      log,
      ...(deviceWaitMs === undefined ? {} : { deviceWaitMs }),
    }),
    efs: efsDriver({ mounts }),
    bind: bindDriver({ mounts, rules }),
    tmpfs: tmpfsDriver({ mounts }),
  };
}

function connect(parts: Parts): { loop: SyncLoop; engine: Engine } {
  const { options, records, runner, holds, places, drivers, mounts } = parts;
  const { api, log, config } = options;
  const knowledge = createKnowledge();
  const loop: SyncLoop = new SyncLoop({
    api,
    log,
    observe: () => engine.observe(),
    mark: () => knowledge.mark(),
    learn: (answer, mark) => knowledge.replace(answer, mark),
    act: ({ purges, tasks: asked }) => {
      void act(parts, engine, purges);
      void tasks.take(asked);
    },
    onRegistered: (registration) => options.onRegistered?.(registration, () => loop.request()),
    onDenied: options.onDenied,
    pollSeconds: config.pollSeconds,
  });
  const engine: Engine = createEngine({
    exec: parts.exec,
    api,
    log,
    knowledge,
    records,
    holds,
    runner,
    places,
    drivers,
    mounts,
    users: kernelUsers(),
    docker: dockerEngine(config.dockerSocket),
    idleSeconds: config.idleSeconds,
    isLinked: () => loop.isLinked(),
    refresh: () => loop.refresh(),
    nextSync: (signal) => loop.next(signal),
    requestSync: (withinMs) => loop.request(withinMs),
  });
  const tasks = new Tasks({
    api,
    log,
    stopping: runner.stopping,
    ...performer(taskPorts(parts, engine)),
  });
  return { loop, engine };
}

function taskPorts(parts: Parts, engine: Engine): PerformPorts {
  const { options, runner, places, mounts, exec, holds } = parts;
  const { log, config, deviceWaitMs } = options;
  const api = persistentApi(options.api, { signal: runner.stopping });
  return {
    api,
    log,
    exec,
    mounts,
    blocks: systemBlocks(exec),
    root: config.root,
    transfer: { api, log, engine, holds, exec, stopping: runner.stopping },
    archive: {
      api,
      log,
      engine,
      holds,
      exec,
      mounts,
      runner,
      users: kernelUsers(),
      containers: dockerEngine(config.dockerSocket),
      stopping: runner.stopping,
    },
    freeze: freezeOf(parts),
    docker: dockerCommands(config.dockerSocket),
    containers: dockerEngine(config.dockerSocket),
    runner,
    objects: objectTransfer(),
    ...(deviceWaitMs === undefined ? {} : { deviceWaitMs }),
    async mounted(volumeId) {
      const assignment = engine.volumes().find((one) => one.volumeId === volumeId);
      if (assignment === undefined) return undefined;
      const { stage } = shownOf(places, await mounts.list(), assignment);
      return stage === undefined
        ? undefined
        : { name: assignment.name, path: stageOf(places, assignment).path };
    },
  };
}

/** Looks at each volume once, and empties what is to be purged. Failures are logged and come up again next time. */
async function act(parts: Parts, engine: Engine, purges: readonly PurgeTask[]): Promise<void> {
  const { log } = parts.options;
  await mapLimit(engine.volumes(), sweepsAtOnce, async (assignment) => {
    await engine.sweep(assignment).catch((error: unknown) => {
      log[isAway(error) ? 'debug' : 'warn']('sweep', { volume: assignment.name, error });
    });
  });
  await orphans(parts, engine).catch((error: unknown) => log.warn('orphans', { error }));
  await mapLimit(purges, 1, async (task) => {
    await purge(parts, task).catch((error: unknown) => log.warn('purge', { ...task, error }));
  });
}

async function orphans({ places, mounts, exec, options: { log } }: Parts, engine: Engine): Promise<void> {
  const known = (): Set<string> => new Set(engine.volumes().map(({ volumeId }) => volumeId));
  await sweepOrphans({ places, mounts, exec, log, users: kernelUsers() }, known);
}

async function purge({ options, mounts, exec, runner }: Parts, task: PurgeTask): Promise<void> {
  const key = `purge:${task.volumeId}`;
  if (runner.isBusy(key)) return;
  await runner.run(key, 'purge', async () => {
    await emptyDirectory({ mounts, exec, directory: join(options.config.root, 'purges') }, task);
    await options.api.reportPurged(task.volumeId, task.accessPointId);
  });
}

async function openSockets(parts: Parts, loop: SyncLoop, engine: Engine): Promise<UnixServer[]> {
  const { options, holds, runner } = parts;
  const { api, log, config, version } = options;
  const calls = pluginCalls(createVolumeCalls({ api, engine, holds, runner, log }));
  const health = healthListener({
    log,
    version,
    lastProgress: () => loop.lastProgress,
    pollMs: () => loop.pollMs,
    isLinked: () => loop.isLinked(),
    running: () => runner.running(),
    volumes: () => engine.volumes().length,
    allowedRoots: config.allowedRoots,
  });
  return [
    await listenOn(config.healthSocket, health),
    await listenOn(config.pluginSocket, pluginListener(calls, log)),
  ];
}

/** What this host can mount: EFS needs its mount helper. */
export async function usableDrivers(): Promise<DriverName[]> {
  const helpers = ['/sbin/mount.efs', '/usr/sbin/mount.efs'];
  const found = await mapLimit(helpers, 2, (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  );
  return ['ebs', ...(found.includes(true) ? (['efs'] as const) : []), 'bind', 'tmpfs'];
}
