import { expect } from 'vitest';
import { isProductError } from '#shared/model/errors.ts';
import { pluginOn } from '#test/integration/agent/support/docker-plugin.ts';
import { until } from '#test/support/until.ts';
import type { TestCloud } from './cloud.ts';
import { realFacts, recordedFacts, recoveryPointsOf, type Facts } from './facts.ts';
import type { TestHost } from './host.ts';
import { namespace, type Seen, type Subject } from './subject.ts';
import { sweep } from './sweep.ts';

export const atOnce = 4;
/** A dead step's claim stands for 35 s; the sweeper needs an operation to be 20 s old. */
const patience = { within: 400_000, every: 3_000 };

/** Calls about volumes under faults, waits for their ends, and the judgement over what is then there. */
export class VolumeWorld {
  protected readonly cloud: TestCloud;
  #before: ReadonlySet<string> = new Set();

  constructor(cloud: TestCloud) {
    this.cloud = cloud;
  }

  /** What there is by now, other tests have made: the judgement leaves it out. */
  async begin(): Promise<void> {
    this.#before = new Set(await recoveryPointsOf(this.cloud));
  }

  async create({ name, type }: Subject): Promise<void> {
    const local = { size: '1G', availabilityZone: `${this.cloud.file.region}a` };
    await this.cloud.api.call('createVolume', {
      params: { namespace },
      body: { name, type, ...(type === 'local' ? local : {}) },
      headers: { 'idempotency-key': `create-${name}` },
    });
  }

  async attach({ name }: Subject, { instanceId }: TestHost): Promise<void> {
    await this.cloud.api.call('attachVolume', {
      params: { namespace, name },
      body: { host: instanceId },
      headers: { 'idempotency-key': `attach-${name}-${instanceId}` },
    });
  }

  async detach({ name }: Subject): Promise<void> {
    await this.cloud.api.call('detachVolume', {
      params: { namespace, name },
      body: {},
      headers: { 'idempotency-key': `detach-${name}` },
    });
  }

  /** Asked again until there is an answer: a delete has no key, and "no such volume" is its success. */
  async delete({ name }: Subject, purge: boolean): Promise<void> {
    const params = { namespace, name };
    const asked = () =>
      this.cloud.api.call('deleteVolume', { params, query: purge ? { purge: 'true' } : {} }).then(
        () => true,
        (error: unknown) => {
          if (isProductError(error, 'VolumeNotFound')) return true;
          throw error;
        },
      );
    await until(`${name} is being deleted`, asked, { every: 250 });
  }

  /**
   * A container's use of it, without the container: the host formats it where it is blank, mounts it, and lets go of it.
   * `work` gets the directory as this machine sees it.
   */
  async use(
    { name }: Subject,
    host: TestHost,
    work: (directory: string) => Promise<void> = async () => {},
  ): Promise<void> {
    const plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
    const mounted = await plugin('Mount', { Name: name, ID: name });
    expect(mounted.Err).toBe('');
    await work(host.path(mounted.Mountpoint ?? ''));
    await plugin('Unmount', { Name: name, ID: name });
  }

  async look(): Promise<Seen> {
    const params = { namespace };
    const live = await this.cloud.api.call('listVolumes', { params, query: { limit: 1000 } });
    const deleted = await this.cloud.api.call('listVolumes', {
      params,
      query: { deleted: 'true', limit: 1000 },
    });
    return {
      live: new Map(live.body.items.map((volume) => [volume.name, volume])),
      deleted: new Map(deleted.body.items.map((volume) => [volume.id, volume])),
    };
  }

  /** Waits until all of them are as they shall be; the sweeper comes oftener than by its schedule. */
  async all<S extends Subject>(
    what: string,
    subjects: readonly S[],
    isSo: (subject: S, seen: Seen) => boolean,
  ): Promise<Seen> {
    return until(
      what,
      async () => {
        await sweep(this.cloud.file);
        const seen = await this.look();
        expect(subjects.filter((subject) => !isSo(subject, seen)).map(({ name }) => name)).toEqual([]);
        return seen;
      },
      patience,
    );
  }

  /** What AWS has of each volume, and what the records say of it: none may be lost, doubled or left over. */
  async facts(subjects: readonly Subject[], seen: Seen): Promise<Record<'real' | 'recorded', Facts>> {
    const question = { subjects, seen, before: this.#before };
    return {
      real: await realFacts(this.cloud, question),
      recorded: await recordedFacts(this.cloud, question),
    };
  }
}
