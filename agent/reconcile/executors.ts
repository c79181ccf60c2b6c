import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { Assignment } from '#shared/model/host.ts';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import { mountedAt } from '#agent/host/mounts.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Log } from '#agent/log.ts';
import type { Executors } from './steps.ts';
import { publishedPath, stageOf, type ViewPorts } from './view.ts';

export interface ExecutorPorts extends ViewPorts {
  readonly api: HostApi;
  readonly log: Log;
  /** Resolves after the next sync with the control plane, which it hastens. */
  readonly nextSync: (signal: AbortSignal) => Promise<void>;
  /** Has the control plane told and asked within so many milliseconds; at once by default. */
  readonly requestSync: (withinMs?: number) => void;
  readonly markFenced: (volumeId: string) => void;
}

/** Within what Docker waits for a Mount. */
const claimWaitMs = 90_000;
const claimRetryMs = 1_000;
const freeWaitMs = 5_000;
const freeLookMs = 50;

export function createExecutors(ports: ExecutorPorts): Executors {
  const { api, knowledge, records, places, drivers, mounts } = ports;
  const begun: Begun = new Set();
  const stage = (assignment: Assignment) => stageOf(places, assignment);
  return {
    claim: async ({ name }, signal) => claim(ports, name, signal),
    awaitAttached: async ({ name }, signal) => awaitAttached(ports, name, signal),
    setInUse: async ({ assignment }) => setInUse(ports, begun, assignment),
    async stage({ assignment: told }) {
      // Set by whom, and for how long still, only the process knows that did it: a clear may be on its way.
      const assignment = begun.has(told.volumeId) ? told : await beginUse(ports, begun, told);
      // Written first: a mount that this agent cannot explain would be one it cannot adopt.
      await records.put({ bootId: places.bootId, assignment, prepared: false });
      const after = await drivers[assignment.driver].stage(stage(assignment));
      knowledge.learn({ ...after, inUse: true });
      await records.put({ bootId: places.bootId, assignment: after, prepared: true });
    },
    async reportMounted({ assignment: { volumeId, epoch }, uuid }) {
      knowledge.learn(await api.reportFormatted(volumeId, { epoch, uuid, mounted: true }));
    },
    publish: async ({ assignment }) => publish(ports, assignment),
    async unpublish({ assignment }) {
      const path = publishedPath(places, assignment.name);
      await unmount(mounts, path, assignment);
      await removeEmpty(path);
    },
    async unstage({ assignment }) {
      await drivers[assignment.driver].unstage(stage(assignment));
      await untilFree(ports, assignment);
    },
    clearInUse: async ({ assignment }) => clearInUse(ports, begun, assignment),
    release: async ({ assignment }) => release(ports, assignment),
    async fence({ assignment, path }) {
      ports.log.warn('fencing: the lease has moved on', {
        volume: assignment.name,
        epoch: assignment.epoch,
        path,
      });
      await drivers[assignment.driver].fence(path);
      ports.markFenced(assignment.volumeId);
    },
    forget: async ({ volumeId }) => records.remove(volumeId),
  };
}

/** Another operation on the volume ends by itself: its hand-back on another host, say. In use is another matter. */
async function claim({ api, knowledge }: ExecutorPorts, name: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + claimWaitMs;
  for (;;) {
    try {
      knowledge.learn((await api.claim(name)).assignment);
      return;
    } catch (error) {
      const passing = isProductError(error, 'OperationInProgress', 'Conflict');
      if (!passing || signal.aborted || Date.now() >= deadline) throw error;
      await delay(claimRetryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function awaitAttached(ports: ExecutorPorts, name: string, signal: AbortSignal): Promise<void> {
  await ports.nextSync(signal);
  if (ports.knowledge.byName(name) !== undefined) return;
  throw new ProductError('StorageFailed', `Volume "${name}" could not be attached to this host.`, {
    hint: `"hivemind operation ls --volume ${name}" says why; then start the container again.`,
  });
}

/** Contract 3, under this host's epoch. A refusal for what is mounted is remembered: it is what the fence waits for. */
async function setInUse(ports: ExecutorPorts, begun: Begun, assignment: Assignment): Promise<void> {
  const { volumeId, epoch } = assignment;
  try {
    await beginUse(ports, begun, assignment);
  } catch (error) {
    const mountedAs = ports.records.get(volumeId);
    const lost = isProductError(error, 'StaleEpoch', 'VolumeNotFound');
    if (!lost || mountedAs?.assignment.epoch !== epoch) throw error;
    ports.knowledge.refuse(volumeId, epoch);
  }
}

/** Volumes whose lease this process has set, for a use that it has not begun to end since. */
type Begun = Set<string>;

/** A use has an id of its own: a clear that was meant for an earlier one, and comes late, does not end it. */
async function beginUse(
  { api, knowledge }: ExecutorPorts,
  begun: Begun,
  assignment: Assignment,
): Promise<Assignment> {
  const { volumeId, epoch } = assignment;
  const use = randomUUID();
  const answer = await api.setLease(volumeId, { epoch, inUse: true, use });
  const { filesystem } = answer;
  const used = { ...assignment, epoch: answer.epoch, filesystem, inUse: true, use };
  begun.add(volumeId);
  knowledge.learn(used);
  return used;
}

async function clearInUse(ports: ExecutorPorts, begun: Begun, assignment: Assignment): Promise<void> {
  const { volumeId, epoch, use } = assignment;
  begun.delete(volumeId);
  try {
    await ports.api.setLease(volumeId, { epoch, inUse: false, use });
    ports.knowledge.learn({ ...assignment, inUse: false, use: undefined });
  } catch (error) {
    if (!isProductError(error, 'StaleEpoch', 'VolumeNotFound')) throw error;
    // Somebody has moved it on already; the sync tells.
    ports.knowledge.unlearn(volumeId);
    ports.requestSync();
  }
}

async function release(ports: ExecutorPorts, { volumeId, epoch }: Assignment): Promise<void> {
  try {
    await ports.api.release(volumeId, epoch);
  } catch (error) {
    // It is being taken already.
    if (!isProductError(error, 'OperationInProgress', 'StaleEpoch', 'VolumeNotFound', 'Conflict'))
      throw error;
  }
  ports.knowledge.unlearn(volumeId);
}

async function publish(ports: ExecutorPorts, assignment: Assignment): Promise<void> {
  const { places, mounts, drivers } = ports;
  const path = publishedPath(places, assignment.name);
  if (mountedAt(await mounts.list(), path) !== undefined) {
    throw new ProductError('VolumeBusy', `Another volume still shows at ${path}.`, {
      hint: 'It had the same name and is on its way out: try again in a moment.',
    });
  }
  await mkdir(path, { recursive: true, mode: 0o755 });
  await mounts.bind(drivers[assignment.driver].dataPath(stageOf(places, assignment)), path);
}

/** The kernel ends a container's mount namespace a little after the container. */
async function untilFree({ drivers, places }: ExecutorPorts, assignment: Assignment): Promise<void> {
  const deadline = Date.now() + freeWaitMs;
  const driver = drivers[assignment.driver];
  while (!(await driver.isFree(stageOf(places, assignment))) && Date.now() < deadline) {
    await delay(freeLookMs);
  }
}
