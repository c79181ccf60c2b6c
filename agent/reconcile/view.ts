import { join } from 'node:path';
import type { Assignment } from '#shared/model/host.ts';
import { driverTraits } from '#shared/model/volume.ts';
import type { Drivers, Stage } from '#agent/drivers/driver.ts';
import type { Container, Docker } from '#agent/host/docker.ts';
import { mountedAt, type MountEntry, type Mounts } from '#agent/host/mounts.ts';
import type { Holder, Users } from '#agent/host/users.ts';
import type { Holds } from './holds.ts';
import type { Knowledge } from './knowledge.ts';
import type { VolumeView } from './plan.ts';
import type { Records } from './records.ts';

/** Where this agent keeps what. */
export interface Places {
  readonly bootId: string;
  /** ROOT/mounts */
  readonly stages: string;
  /** ROOT/volumes */
  readonly volumes: string;
}

export interface ViewPorts {
  readonly places: Places;
  readonly mounts: Mounts;
  readonly users: Users;
  readonly docker: Docker;
  readonly drivers: Drivers;
  readonly records: Records;
  readonly knowledge: Knowledge;
  readonly holds: Holds;
}

/** What only the run itself knows. */
export interface RunContext {
  readonly fresh: boolean;
  readonly linked: boolean;
  /** The sweep: Docker's list counts as well as the kernel, and an idle time must have passed. */
  readonly idle: boolean;
  readonly sweep: boolean;
  readonly fenced: boolean;
}

export function stageOf(places: Places, assignment: Assignment): Stage {
  return { assignment, path: join(places.stages, assignment.volumeId) };
}

export function publishedPath(places: Places, name: string): string {
  return join(places.volumes, name);
}

/** What of a volume shows in this host's mount table. */
export interface Shown {
  readonly stage?: MountEntry | undefined;
  readonly published?: MountEntry | undefined;
}

export function shownOf(places: Places, entries: readonly MountEntry[], assignment: Assignment): Shown {
  const stage = mountedAt(entries, stageOf(places, assignment).path);
  const named = mountedAt(entries, publishedPath(places, assignment.name));
  // Another volume may have had the name before.
  const published = stage === undefined || named?.device === stage.device ? named : undefined;
  return { stage, published };
}

/** Reads the kernel, Docker and what the control plane said, anew. */
export async function viewOf(ports: ViewPorts, assignment: Assignment, run: RunContext): Promise<VolumeView> {
  const { places, records, knowledge, drivers } = ports;
  const { volumeId, name } = assignment;
  const record = records.get(volumeId);
  const mountedAs = record?.bootId === places.bootId ? record.assignment : undefined;
  const shown = shownOf(places, await ports.mounts.list(), assignment);
  const stage = stageOf(places, mountedAs ?? assignment);
  const told = knowledge.byId(volumeId);
  const hidden = shown.stage === undefined && shown.published === undefined;
  // Attached and idle, as most volumes are most of the time: nothing of it can be held, so nothing is looked for.
  const quiet = hidden && mountedAs === undefined && told?.inUse !== true;
  const holders = quiet ? [] : await holdersOf(ports, stage, shown);
  return {
    name,
    assignment: told,
    linked: run.linked,
    fresh: run.fresh,
    mountedAs,
    prepared: mountedAs !== undefined && record?.prepared === true,
    staged: shown.stage !== undefined,
    published: shown.published !== undefined,
    heldAt: shown.stage === undefined ? pathInside(holders[0]) : stage.path,
    fenced: run.fenced,
    used: !hidden && (await isUsed(ports, { name, holders, run, driver: assignment.driver })),
    free: !quiet && shown.stage === undefined && (await drivers[assignment.driver].isFree(stage)),
    idle: run.idle,
    refused: mountedAs !== undefined && knowledge.isRefused(volumeId, mountedAs.epoch),
  };
}

async function holdersOf({ users, drivers }: ViewPorts, stage: Stage, shown: Shown): Promise<Holder[]> {
  const { driver } = stage.assignment;
  if (shown.stage !== undefined) return users.of({ device: shown.stage.device, root: shown.stage.root });
  const device = await drivers[driver].device(stage);
  return device === undefined ? [] : users.of({ device, root: '/' });
}

/** The same filesystem, seen through a process that still has it. */
function pathInside(holder: Holder | undefined): string | undefined {
  return holder === undefined ? undefined : join(`/proc/${holder.pid}/root`, holder.mountpoint);
}

interface Use {
  readonly name: string;
  readonly driver: Assignment['driver'];
  readonly holders: readonly Holder[];
  readonly run: RunContext;
}

async function isUsed({ docker, holds }: ViewPorts, { name, driver, holders, run }: Use): Promise<boolean> {
  const containers = await docker.containers();
  if (holders.some((holder) => counts(holder, driver, containers))) return true;
  if (holds.isHeld(name, containers)) return true;
  // During an Unmount Docker still lists the container that ends as running: then only the kernel counts.
  return run.sweep && usersOf(name, containers).length > 0;
}

/** What many hosts share may be held by processes that are none of this host's containers. */
function counts(
  { container }: Holder,
  driver: Assignment['driver'],
  containers: readonly Container[] | undefined,
): boolean {
  if (driverTraits[driver].hosts === 'one' || containers === undefined) return true;
  return containers.some(({ id }) => id === container);
}

const using = new Set(['running', 'paused', 'restarting']);

/** Containers that use a volume now, by name. */
export function usersOf(name: string, containers: readonly Container[] | undefined): string[] {
  return (containers ?? [])
    .filter(({ state, volumes }) => using.has(state) && volumes.includes(name))
    .map((container) => container.name);
}
