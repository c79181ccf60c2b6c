import type { Assignment, ObservedAttachment } from '#shared/model/host.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { driverTraits } from '#shared/model/volume.ts';
import type { Container } from '#agent/host/docker.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { MountEntry } from '#agent/host/mounts.ts';
import { remoteUsageOf, usageOf } from '#agent/host/usage.ts';
import { Converge, type ConvergePorts } from './converge.ts';
import type { Runner } from './runner.ts';
import { publishedPath, shownOf, usersOf } from './view.ts';

export interface EnginePorts extends ConvergePorts {
  readonly runner: Runner;
  readonly exec: Exec;
  /** Asks the control plane now; whether it answered. */
  readonly refresh: () => Promise<boolean>;
}

/** What the plugin and the sync loop ask for; each volume's jobs run one after another. */
export interface Engine {
  /** Shows a volume at its path for a container; goes on when the caller no longer waits. */
  serve(name: string): Promise<string>;
  /** Docker's last word for one use: unmounts if, by the kernel, nothing uses it any more. */
  retire(name: string): Promise<void>;
  /** The periodic look at one volume. */
  sweep(assignment: Assignment): Promise<void>;
  /** Where a volume shows now, by the kernel; undefined when it does not. */
  mountpoint(name: string): Promise<string | undefined>;
  /** Everything this agent has to do with: assigned, or mounted by it. */
  volumes(): readonly Assignment[];
  observe(): Promise<ObservedAttachment[]>;
}

const maxObserved = 500;
/** Those that hang are waited for together. */
const observedAtOnce = 8;

/** Docker lists a container as running a moment after its Mount, and for a moment after its Unmount: reported after that. */
const listLagMs = 2_000;

export function createEngine(ports: EnginePorts): Engine {
  const { knowledge, records, runner, places, mounts } = ports;
  const converge = new Converge(ports);
  const volumes = (): Assignment[] => {
    const all = new Map(records.all().map(({ assignment }) => [assignment.volumeId, assignment]));
    for (const assignment of knowledge.assignments()) all.set(assignment.volumeId, assignment);
    return [...all.values()];
  };
  return {
    volumes,
    async serve(name) {
      const path = await runner.run(name, 'mount', (signal) => converge.serve(name, signal));
      ports.requestSync(listLagMs);
      return path;
    },
    async retire(name) {
      await runner.run(name, 'unmount', async (signal) => {
        const assignment = converge.known(name);
        if (assignment === undefined) return;
        // While the API is away nothing is unmounted: it could not be mounted again. The sweep comes when it is back.
        if (!(await ports.refresh())) converge.markIdle(assignment.volumeId);
        else await converge.settle(assignment, { idle: true, sweep: false }, signal);
      });
      ports.requestSync(listLagMs);
    },
    async sweep(assignment) {
      if (runner.isBusy(assignment.name)) return;
      await runner.run(assignment.name, 'sweep', (signal) =>
        converge.settle(assignment, { idle: false, sweep: true }, signal),
      );
    },
    async mountpoint(name) {
      const assignment = converge.known(name);
      if (assignment === undefined) return undefined;
      const { stage, published } = shownOf(places, await mounts.list(), assignment);
      return stage === undefined || published === undefined ? undefined : publishedPath(places, name);
    },
    async observe() {
      const all = volumes().slice(0, maxObserved);
      if (all.length === 0) return [];
      const entries = await mounts.list();
      const containers = await ports.docker.containers();
      return mapLimit(all, observedAtOnce, (assignment) => {
        const error = converge.failureOf(assignment.volumeId);
        return observe(ports, assignment, { entries, containers, error });
      });
    },
  };
}

interface Seen {
  readonly entries: readonly MountEntry[];
  readonly containers: readonly Container[] | undefined;
  /** What went wrong with it the last time. */
  readonly error: string | undefined;
}

async function observe(
  { places, records, exec }: EnginePorts,
  assignment: Assignment,
  { entries, containers, error }: Seen,
): Promise<ObservedAttachment> {
  const { volumeId, name } = assignment;
  const { stage, published } = shownOf(places, entries, assignment);
  const path = publishedPath(places, name);
  const mounted = stage !== undefined && published !== undefined;
  const local = driverTraits[assignment.driver].hosts === 'one';
  const usage = mounted ? await (local ? usageOf(path) : remoteUsageOf(exec, path)) : undefined;
  return {
    volumeId,
    epoch: records.get(volumeId)?.assignment.epoch ?? assignment.epoch,
    mounted,
    ...(mounted ? { mountpoint: path } : {}),
    ...(stage === undefined ? {} : { device: stage.source.slice(0, 256) }),
    containers: usersOf(name, containers).slice(0, 200),
    ...(usage === undefined ? {} : { usage }),
    ...(error === undefined ? {} : { error: error.slice(0, 2048) }),
  };
}
