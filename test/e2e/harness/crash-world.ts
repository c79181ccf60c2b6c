import { expect } from 'vitest';
import { isProductError } from '#shared/model/errors.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { Volume } from '#shared/model/volume.ts';
import { pluginOn } from '#test/integration/agent/support/docker-plugin.ts';
import { until } from '#test/support/until.ts';
import type { TestCloud } from './cloud.ts';
import type { Kill } from './crash-aim.ts';
import type { TestHost } from './host.ts';
import { sweep } from './sweep.ts';

/** A kill with the hosts and the record of the volume that it is about. */
export interface Crash extends Kill {
  readonly host: TestHost;
  /** Of a hand-over: the host that takes it. */
  readonly next: TestHost;
  /** As it was before the operation. */
  volume: Volume | undefined;
}

export const namespace = 'default';
export const atOnce = 4;
/** A dead step's claim stands for 35 s; the sweeper needs an operation to be 20 s old. */
const patience = { within: 400_000, every: 3_000 };

/** Every volume and tombstone, as one look at the API shows them. */
interface Seen {
  readonly live: ReadonlyMap<string, Volume>;
  readonly deleted: ReadonlyMap<string, Volume>;
}

interface Fact {
  readonly name: string;
  readonly ebs: readonly string[];
  readonly hosts: readonly string[];
}

/** Calls, looks and waits of the crash-point test. */
export class CrashWorld {
  readonly #cloud: TestCloud;

  constructor(cloud: TestCloud) {
    this.#cloud = cloud;
  }

  async create({ name, kind }: Crash): Promise<void> {
    const kindOf =
      kind === 'networkPurge'
        ? { type: 'network' as const }
        : { size: '1G', availabilityZone: `${this.#cloud.file.region}a` };
    await this.#cloud.api.call('createVolume', {
      params: { namespace },
      body: { name, ...kindOf },
      headers: { 'idempotency-key': `create-${name}` },
    });
  }

  async attach({ name }: Crash, { instanceId }: TestHost): Promise<void> {
    await this.#cloud.api.call('attachVolume', {
      params: { namespace, name },
      body: { host: instanceId },
      headers: { 'idempotency-key': `attach-${name}-${instanceId}` },
    });
  }

  async detach({ name }: Crash): Promise<void> {
    await this.#cloud.api.call('detachVolume', {
      params: { namespace, name },
      body: {},
      headers: { 'idempotency-key': `detach-${name}` },
    });
  }

  /** Asked again until there is an answer: a delete has no key, and "no such volume" is its success. */
  async delete({ name }: Crash, purge: boolean): Promise<void> {
    const params = { namespace, name };
    const asked = () =>
      this.#cloud.api.call('deleteVolume', { params, query: purge ? { purge: 'true' } : {} }).then(
        () => true,
        (error: unknown) => {
          if (isProductError(error, 'VolumeNotFound')) return true;
          throw error;
        },
      );
    await until(`${name} is being deleted`, asked, { every: 250 });
  }

  /** A container's use of it, without the container: its host formats it, and lets go of it. */
  async use({ name, host }: Crash): Promise<void> {
    const plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
    const mounted = await plugin('Mount', { Name: name, ID: name });
    expect(mounted.Err).toBe('');
    await plugin('Unmount', { Name: name, ID: name });
  }

  async look(): Promise<Seen> {
    const params = { namespace };
    const live = await this.#cloud.api.call('listVolumes', { params, query: { limit: 1000 } });
    const deleted = await this.#cloud.api.call('listVolumes', {
      params,
      query: { deleted: 'true', limit: 1000 },
    });
    return {
      live: new Map(live.body.items.map((volume) => [volume.name, volume])),
      deleted: new Map(deleted.body.items.map((volume) => [volume.id, volume])),
    };
  }

  /** Waits until all of them are as they shall be. */
  async all(
    what: string,
    crashes: readonly Crash[],
    isSo: (crash: Crash, seen: Seen) => boolean,
  ): Promise<Seen> {
    return until(
      what,
      async () => {
        await sweep(this.#cloud.file);
        const seen = await this.look();
        expect(crashes.filter((crash) => !isSo(crash, seen)).map(({ name }) => name)).toEqual([]);
        return seen;
      },
      patience,
    );
  }

  /** Makes what comes before each operation. */
  async prepare(crashes: readonly Crash[]): Promise<void> {
    const made = crashes.filter(({ kind }) => kind !== 'create');
    await mapLimit(made, atOnce, (crash) => this.create(crash));
    await this.all('the volumes are there', made, (crash, { live }) => rests(live.get(crash.name)));
    const given = made.filter(({ kind }) => kind === 'handOver' || kind === 'detach' || kind === 'purge');
    await mapLimit(given, atOnce, (crash) => this.attach(crash, crash.host));
    // A final backup is made of what was formatted.
    const used = made.filter(({ kind }) => kind === 'delete');
    await mapLimit(used, atOnce, (crash) => this.use(crash));
    const attached = [...given, ...used];
    const { live } = await this.all('they are attached and idle', crashes, (crash, seen) => {
      const volume = seen.live.get(crash.name);
      return attached.includes(crash)
        ? isIdleOn(volume, crash.host)
        : crash.kind === 'create' || rests(volume);
    });
    for (const crash of crashes) crash.volume = live.get(crash.name);
  }

  /** Begins the operation, as a person would. */
  ask(crash: Crash): Promise<void> {
    switch (crash.kind) {
      case 'create':
        return this.create(crash);
      case 'attach':
        return this.attach(crash, crash.host);
      case 'handOver':
        return this.attach(crash, crash.next);
      case 'detach':
        return this.detach(crash);
      case 'delete':
        return this.delete(crash, false);
      case 'purge':
      case 'networkPurge':
        return this.delete(crash, true);
    }
  }

  /** What EC2 has of each volume, attached where; and what the records say of it. */
  async facts(
    crashes: readonly Crash[],
    { live, deleted }: Seen,
  ): Promise<Record<'real' | 'recorded', Fact[]>> {
    const volumes = await this.#cloud.storage.volumes();
    const attachments = await this.#cloud.storage.attachments();
    const real = crashes.map(({ name, volume }) => {
      const id = live.get(name)?.id ?? volume?.id;
      const ours = volumes.filter(({ state, tags }) => {
        return (
          state !== 'deleting' && tags.some(({ Key, Value }) => Key === tagKeys.volumeId && Value === id)
        );
      });
      const where = attachments.filter(({ volumeId }) => ours.some(({ id: ebs }) => ebs === volumeId));
      const hosts = where.map(({ instanceId, state }) => `${instanceId} ${state}`);
      return { name, ebs: ours.map(({ id: ebs }) => ebs), hosts };
    });
    const recorded = crashes.map(({ name, volume }) => {
      const { storage, hosts = [] } = live.get(name) ?? deleted.get(volume?.id ?? '') ?? {};
      const ebs = storage?.kind === 'ebs' ? [storage.volumeId] : [];
      return { name, ebs, hosts: hosts.map((host) => `${host} attached`) };
    });
    return { real, recorded };
  }
}

const rests = (volume: Volume | undefined): boolean =>
  volume?.state === 'available' && volume.operation === undefined;

function isIdleOn(volume: Volume | undefined, { instanceId }: TestHost): boolean {
  const idle = volume?.attachments?.every(({ inUse }) => !inUse) ?? true;
  return (
    volume?.state === 'attached' && volume.operation === undefined && volume.hosts[0] === instanceId && idle
  );
}

/** Whether the operation has come to its end. */
export function hasEnded(crash: Crash, { live, deleted }: Seen): boolean {
  const volume = live.get(crash.name);
  const tombstone = deleted.get(crash.volume?.id ?? '');
  switch (crash.kind) {
    case 'create':
    case 'detach':
      return rests(volume);
    case 'attach':
      return isIdleOn(volume, crash.host);
    case 'handOver':
      return isIdleOn(volume, crash.next);
    case 'delete':
      return tombstone?.operation === undefined && tombstone?.finalBackup !== undefined;
    case 'purge':
    case 'networkPurge':
      return volume === undefined && tombstone === undefined;
  }
}
