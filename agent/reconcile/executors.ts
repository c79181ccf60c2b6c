import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { Assignment } from '#shared/model/host.ts';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import { mountedAt } from '#agent/host/mounts.ts';
import type { HostApi } from '#agent/link/api.ts';
import { isAway } from '#agent/link/away.ts';
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
  /** For tests: how long a call without an answer may still be carried out, in milliseconds. */
  readonly lateMs?: number;
}

/** A function of the API ends within 30 s of its start, and may take some seconds to start. */
const lateMs = 40_000;

/** Within what Docker waits for a Mount. */
const claimWaitMs = 90_000;
const claimRetryMs = 1_000;
const freeWaitMs = 5_000;
const freeLookMs = 50;

export function createExecutors(ports: ExecutorPorts): Executors {
  const { api, knowledge, records, places, drivers, mounts } = ports;
  const doubts: Doubts = new Map();
  const stage = (assignment: Assignment) => stageOf(places, assignment);
  return {
    claim: async ({ name }, signal) => claim(ports, name, signal),
    awaitAttached: async ({ name }, signal) => awaitAttached(ports, name, signal),
    setInUse: async ({ assignment }) => setInUse(ports, assignment),
    async stage({ assignment }, signal) {
      await endDoubt(ports, doubts, { assignment, signal });
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
    clearInUse: async ({ assignment }) => clearInUse(ports, doubts, assignment),
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
async function setInUse(ports: ExecutorPorts, assignment: Assignment): Promise<void> {
  const { volumeId, epoch } = assignment;
  try {
    const answer = await ports.api.setLease(volumeId, { epoch, inUse: true });
    ports.knowledge.learn({ ...assignment, epoch: answer.epoch, filesystem: answer.filesystem, inUse: true });
  } catch (error) {
    const mountedAs = ports.records.get(volumeId);
    const lost = isProductError(error, 'StaleEpoch', 'VolumeNotFound');
    if (!lost || mountedAs?.assignment.epoch !== epoch) throw error;
    ports.knowledge.refuse(volumeId, epoch);
  }
}

/** Until when, by volume, a clear of the lease whose answer was lost may still be carried out. */
type Doubts = Map<string, number>;

/** Such a clear must not come after a new use has begun: it would leave what is mounted without a lease. */
async function endDoubt(
  { api }: ExecutorPorts,
  doubts: Doubts,
  { assignment: { volumeId, epoch }, signal }: { assignment: Assignment; signal: AbortSignal },
): Promise<void> {
  const until = doubts.get(volumeId);
  if (until === undefined) return;
  await delay(Math.max(0, until - Date.now()), undefined, { signal }).catch(() => undefined);
  if (signal.aborted) {
    throw new ProductError('Unavailable', 'The agent is stopping.', { hint: 'Try again when it runs.' });
  }
  await api.setLease(volumeId, { epoch, inUse: true });
  doubts.delete(volumeId);
}

async function clearInUse(ports: ExecutorPorts, doubts: Doubts, assignment: Assignment): Promise<void> {
  const { volumeId, epoch } = assignment;
  try {
    await ports.api.setLease(volumeId, { epoch, inUse: false });
    ports.knowledge.learn({ ...assignment, inUse: false });
  } catch (error) {
    if (isAway(error)) doubts.set(volumeId, Date.now() + (ports.lateMs ?? lateMs));
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
