import { setTimeout as delay } from 'node:timers/promises';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import { tombstoneStates } from '#shared/model/states.ts';
import type { Volume } from '#shared/model/volume.ts';
import type { VolumesApi } from '#agent/link/api.ts';
import { isAway } from '#agent/link/away.ts';
import { persist } from '#agent/link/persistent.ts';
import type { Log } from '#agent/log.ts';
import type { Engine } from '#agent/reconcile/engine.ts';
import type { Holds } from '#agent/reconcile/holds.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { withinDocker } from './deadline.ts';
import { parseOptions } from './options.ts';

/** A volume as Docker's protocol shows it. */
export interface DockerVolume {
  readonly Name: string;
  readonly Mountpoint: string;
  readonly CreatedAt?: string;
  readonly Status?: Readonly<Record<string, unknown>>;
}

/** The calls of VolumeDriver 1.0 that have work to do. */
export interface VolumeCalls {
  create(name: string, options: Readonly<Record<string, string>>): Promise<void>;
  get(name: string): Promise<DockerVolume>;
  list(): Promise<DockerVolume[]>;
  path(name: string): Promise<string>;
  mount(name: string, id: string): Promise<string>;
  unmount(name: string, id: string): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface VolumeCallPorts {
  readonly api: VolumesApi;
  readonly engine: Engine;
  readonly holds: Holds;
  readonly runner: Runner;
  readonly log: Log;
  readonly limits?: { readonly longMs: number; readonly shortMs: number };
}

const defaultLimits = { longMs: 108_000, shortMs: 48_000 };
const firstLookMs = 200;
const maxLookMs = 2_000;

export function createVolumeCalls(ports: VolumeCallPorts): VolumeCalls {
  const { api, engine, holds, runner } = ports;
  const { longMs, shortMs } = ports.limits ?? defaultLimits;
  return {
    create: (name, options) =>
      withinDocker(
        runner.run(name, 'create', (signal) => create(api, { name, options }, signal)),
        longMs,
        `Volume "${name}" is still being created.`,
      ),
    get: (name) =>
      withinDocker(get(ports, name), shortMs, `Volume "${name}" could not be looked up in time.`),
    list: () => withinDocker(list(ports), shortMs, 'The volumes could not be listed in time.'),
    path: async (name) => {
      const late = `Where volume "${name}" is mounted could not be told in time.`;
      return (await withinDocker(engine.mountpoint(name), shortMs, late)) ?? '';
    },
    async mount(name, id) {
      // Held from before: another container's Unmount must not take it away under this one.
      holds.add(name, id);
      try {
        const late = `Volume "${name}" is still being attached or formatted.`;
        const path = await withinDocker(engine.serve(name), longMs, late);
        if (isFilling(engine, name)) throw filling(name);
        return path;
      } catch (error) {
        holds.release(name, id);
        throw error;
      }
    },
    async unmount(name, id) {
      holds.release(name, id);
      const late = `Volume "${name}" is still being unmounted.`;
      await withinDocker(engine.retire(name), shortMs, late).catch((error: unknown) => {
        // Busy or away: nothing that Docker could do better. It stays mounted, and the sweep comes again.
        if (!isAway(error) && !isProductError(error, 'VolumeBusy')) throw error;
        ports.log.warn('not unmounted yet', { volume: name, error });
      });
    },
    remove: (name) => withinDocker(remove(ports, name), shortMs, `Volume "${name}" is still being removed.`),
  };
}

function isFilling(engine: Engine, name: string): boolean {
  return engine.volumes().some((one) => one.name === name && one.filling === true);
}

function filling(name: string): ProductError {
  return new ProductError('OperationInProgress', `The files of volume "${name}" are being restored.`, {
    value: name,
    hint: 'Start the container when they are there: hivemind operation ls.',
  });
}

/** Repeats are one and the same: the name and the parameters say which volume is meant. */
async function create(
  api: VolumesApi,
  { name, options }: { name: string; options: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<void> {
  const body = parseOptions(name, options);
  try {
    await persist(() => api.create(body));
  } catch (error) {
    // Without options Docker means the volume of that name, whatever it is.
    if (!isProductError(error, 'NameTaken') || Object.keys(options).length > 0) throw error;
  }
  for await (const _ of looks(signal)) {
    const volume = await api.get(name);
    if (volume?.state === 'failed') throw creationFailed(volume);
    if (volume !== undefined && volume.state !== 'creating') return;
  }
}

async function get({ api, engine }: VolumeCallPorts, name: string): Promise<DockerVolume> {
  const mountpoint = await engine.mountpoint(name);
  try {
    const volume = await api.get(name);
    if (volume !== undefined) return describe(volume, mountpoint);
  } catch (error) {
    if (!isAway(error) || mountpoint === undefined) throw error;
  }
  // Mounted here: it is there, whatever the API can say about it just now.
  if (mountpoint !== undefined) return { Name: name, Mountpoint: mountpoint };
  throw new ProductError('VolumeNotFound', `There is no volume "${name}".`, { about: { name } });
}

async function list({ api, engine }: VolumeCallPorts): Promise<DockerVolume[]> {
  const here = new Map<string, string>();
  for (const { name } of engine.volumes()) {
    const mountpoint = await engine.mountpoint(name);
    if (mountpoint !== undefined) here.set(name, mountpoint);
  }
  const mounted = [...here].map(([Name, Mountpoint]) => ({ Name, Mountpoint }));
  try {
    const volumes = await api.list();
    const names = new Set(volumes.map(({ name }) => name));
    return [
      ...volumes.map((volume) => describe(volume, here.get(volume.name))),
      ...mounted.filter(({ Name }) => !names.has(Name)),
    ];
  } catch (error) {
    if (!isAway(error)) throw error;
    return mounted;
  }
}

/** Docker's `volume rm`: done when the tombstone is written, which frees the name. */
async function remove({ api, engine, runner }: VolumeCallPorts, name: string): Promise<void> {
  const before = await api.get(name);
  if (before === undefined) return;
  await engine.retire(name);
  await runner.run(name, 'remove', async () => {
    // The unmount may have taken long: another volume may have the name by now, and Docker does not mean that one.
    await persist(async () => {
      if ((await api.get(name))?.id === before.id) await api.remove(name);
    });
  });
  // Outside the runner: the detach may need this agent's sweep to hand the volume back.
  for await (const _ of looks(runner.stopping)) {
    const now = await api.get(name);
    if (now?.id !== before.id || tombstoneStates.has(now.state)) return;
    if (now.state !== 'deleting' && now.state !== 'detaching') throw notRemoved(now);
  }
}

/** A look at once and then ever less often, until the agent stops. */
async function* looks(signal: AbortSignal): AsyncGenerator<void> {
  for (let wait = firstLookMs; !signal.aborted; wait = Math.min(maxLookMs, wait * 1.5)) {
    yield;
    await delay(wait, undefined, { signal }).catch(() => undefined);
  }
  throw new ProductError('Unavailable', 'The agent is stopping.', { hint: 'Try again when it runs.' });
}

function describe(volume: Volume, mountpoint: string | undefined): DockerVolume {
  const { name, createdAt, state, type, driver, size, hosts } = volume;
  return {
    Name: name,
    Mountpoint: mountpoint ?? '',
    CreatedAt: createdAt,
    Status: { state, type, driver, hosts, ...(size === undefined ? {} : { size }) },
  };
}

function creationFailed({ name, reason }: Volume): ProductError {
  return new ProductError(
    'StorageFailed',
    `Volume "${name}" could not be created: ${reason ?? 'AWS gave no reason'}.`,
    {
      hint: `Remove it ("docker volume rm ${name}") and create it anew.`,
    },
  );
}

function notRemoved({ name, state }: Volume): ProductError {
  return new ProductError('VolumeBusy', `Volume "${name}" was not removed; it is ${state} again.`, {
    hint: `"hivemind volume inspect ${name}" says who uses it.`,
  });
}
