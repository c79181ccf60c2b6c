import type { ManifestRef } from '#shared/model/drill.ts';
import type { RepositoryGrant } from '#shared/model/repository.ts';
import type { HostTask, TaskResult } from '#shared/model/task.ts';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import { noArchives, type ArchiveCalls } from './no-archives.ts';
import type { Api } from '#agent/link/api.ts';
import { ProductError, type ErrorCode } from '#shared/model/errors.ts';
import type { Assignment, ObservedAttachment, PurgeTask } from '#shared/model/host.ts';
import { parseSize } from '#shared/model/size.ts';
import {
  defaultOwner,
  driversOf,
  driverTraits,
  type CreateVolumeInput,
  type Driver,
  type Volume,
  type VolumeType,
} from '#shared/model/volume.ts';
import { show, type FakeVolume } from './fake-volume.ts';
import { busy, noTicket, notFound } from './refusals.ts';

/** What stands for EC2's devices: loop devices where there are real ones, nothing in unit tests. */
export interface DeviceSide {
  give(hostId: string, serial: string, sizeBytes: number): Promise<void>;
  take(hostId: string, serial: string): Promise<void>;
}

export const noDevices: DeviceSide = { give: () => Promise.resolve(), take: () => Promise.resolve() };

export interface RecordedCall {
  readonly call: keyof Api;
  readonly host: string;
  readonly args: readonly unknown[];
}

interface Failure {
  readonly call: keyof Api;
  readonly code: ErrorCode;
  readonly after: boolean;
}

/** Behaviour: fake-control-plane.md. */
export class FakeControlPlane {
  readonly calls: RecordedCall[] = [];
  readonly observed = new Map<string, readonly ObservedAttachment[]>();
  readonly purges: PurgeTask[] = [];
  away = false;
  /** What hosts are asked to do for operations; gone once reported. */
  readonly tasks: HostTask[] = [];
  readonly results = new Map<string, TaskResult>();
  /** Where archives of its tasks go and come from. */
  archives: ArchiveCalls = noArchives;
  /** Where manifests go; and those that hosts say they have written, by operation. */
  bucket: string | undefined;
  readonly manifests = new Map<string, ManifestRef>();
  /** What hosts with a task on a repository get. */
  repository: RepositoryGrant | undefined;
  attachMs = 0;
  pollSeconds = 30;
  readonly #volumes = new Map<string, FakeVolume>();
  /** Keys of repositories, of which there are none unless a test says so. */
  grantRepository: Api['grantRepository'] = (operationId) =>
    this.repository === undefined ? Promise.reject(notFound(operationId)) : Promise.resolve(this.repository);
  readonly #failures: Failure[] = [];
  readonly #devices: DeviceSide;
  readonly #closing = new AbortController();

  constructor(devices: DeviceSide = noDevices) {
    this.#devices = devices;
  }

  failNext(call: keyof Api, code: ErrorCode, after = false): void {
    this.#failures.push({ call, code, after });
  }

  /** Attaches that are still under way never end. */
  close(): void {
    this.#closing.abort();
  }

  volume(name: string): FakeVolume {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw notFound(name);
    return volume;
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  countOf(call: keyof Api): number {
    return this.calls.filter((recorded) => recorded.call === call).length;
  }

  async moveOn(name: string, options: { fence?: boolean } = {}): Promise<void> {
    const volume = this.volume(name);
    volume.epoch += 1;
    if (options.fence === true)
      for (const host of volume.hosts.keys()) await this.#devices.take(host, volume.serial);
    volume.hosts.clear();
  }

  askBack(name: string): void {
    for (const attachment of this.volume(name).hosts.values()) attachment.desired = 'detached';
  }

  /** The API as one host sees it. */
  as(host: string): Api {
    const api: Api = {
      register: () =>
        Promise.resolve({
          host: {
            id: host,
            namespace: 'default',
            availabilityZone: 'us-east-1a',
            instanceType: 't3.medium',
            instanceState: 'running',
            bootId: randomUUID(),
            agentVersion: '0',
            hostname: host,
            drivers: [],
            draining: false,
            registeredAt: new Date().toISOString(),
            lastSeenAt: new Date().toISOString(),
            revision: 1,
          },
          queueUrl: `http://127.0.0.1:9/queue/${host}`,
          pollSeconds: this.pollSeconds,
        }),
      sync: (observed) => {
        this.observed.set(host, observed);
        const assignments = [...this.#volumes.values()].flatMap(
          (volume) => this.#assignment(volume, host) ?? [],
        );
        const answer = {
          now: new Date().toISOString(),
          assignments,
          purges: [...this.purges],
          tasks: [...this.tasks],
          draining: false,
        };
        return Promise.resolve(answer);
      },
      claim: (name) => this.#claim(host, this.volume(name)),
      setLease: (volumeId, lease) => {
        const volume = this.#held(host, volumeId, lease.epoch);
        const attachment = this.#attachment(volume, host);
        const { inUse, use } = attachment;
        if (inUse && !lease.inUse && use !== lease.use) {
          return Promise.reject(new ProductError('StaleEpoch', 'Another use has begun since.'));
        }
        Object.assign(attachment, { inUse: lease.inUse, use: lease.inUse ? lease.use : undefined });
        return Promise.resolve({ epoch: volume.epoch, inUse: lease.inUse, filesystem: volume.filesystem });
      },
      takeTicket: (volumeId, ticket) =>
        Promise.resolve(this.#ticket(this.#held(host, volumeId, ticket.epoch), ticket)),
      reportFormatted: (volumeId, report) => {
        const volume = this.#held(host, volumeId, report.epoch);
        this.#formatted(volume, report);
        return Promise.resolve(this.#assignmentOf(volume, host));
      },
      release: async (volumeId, epoch) => {
        const volume = this.#held(host, volumeId, epoch);
        if (this.#attachment(volume, host).inUse) throw busy(volume.name, host);
        volume.hosts.delete(host);
        volume.epoch += 1;
        await this.#devices.take(host, volume.serial);
      },
      reportPurged: (volumeId) => {
        const index = this.purges.findIndex((task) => task.volumeId === volumeId);
        if (index >= 0) this.purges.splice(index, 1);
        return Promise.resolve();
      },
      cut: (operationId, epoch) => {
        const task = this.tasks.find((one) => one.operationId === operationId);
        if (task === undefined) throw new ProductError('OperationNotFound', `No task ${operationId}.`);
        this.#held(host, task.volumeId, epoch);
        return Promise.resolve({ snapshotId: `snap-${operationId}` });
      },
      reportTask: (operationId, result) => {
        const index = this.tasks.findIndex((task) => task.operationId === operationId);
        if (index >= 0) this.tasks.splice(index, 1);
        this.results.set(operationId, result);
        return Promise.resolve();
      },
      signExportParts: (...call) => this.archives.signExportParts(...call),
      completeExport: (...call) => this.archives.completeExport(...call),
      importSource: (...call) => this.archives.importSource(...call),
      grantRepository: (...call) => this.grantRepository(...call),
      manifest: (operationId, wish) => {
        if (wish.want === 'written') this.manifests.set(operationId, wish.manifest);
        const url = this.bucket === undefined ? {} : { url: `${this.bucket}/manifest` };
        return Promise.resolve({ ...url, headers: { 'x-amz-checksum-sha256': wish.want } });
      },
      create: (body) => {
        if (!this.#volumes.has(body.name)) this.#volumes.set(body.name, created(body));
        return Promise.resolve();
      },
      get: (name) => {
        const volume = this.#volumes.get(name);
        return Promise.resolve(volume === undefined ? undefined : show(volume));
      },
      list: () => Promise.resolve([...this.#volumes.values()].map(show)),
      remove: async (name) => {
        const volume = this.#volumes.get(name);
        if (volume === undefined) return;
        for (const [holder, { inUse }] of volume.hosts) {
          if (inUse) throw busy(name, holder);
          if (driverTraits[volume.driver].hosts === 'one') await this.#devices.take(holder, volume.serial);
        }
        this.#volumes.delete(name);
      },
    };
    return this.#recorded(host, api);
  }

  #recorded(host: string, api: Api): Api {
    const wrap =
      (call: keyof Api, work: (...args: never[]) => Promise<unknown>) =>
      async (...args: never[]) => {
        if (this.away) throw new ProductError('Unavailable', 'The API at http://fake cannot be reached.');
        this.calls.push({ call, host, args });
        const index = this.#failures.findIndex((failure) => failure.call === call);
        const [failure] = index < 0 ? [] : this.#failures.splice(index, 1);
        if (failure?.after === false) throw new ProductError(failure.code, `${call} fails as told.`);
        const answer = structuredClone(await work(...args));
        if (failure?.after === true)
          throw new ProductError(failure.code, `${call} was carried out, its answer lost.`);
        return answer;
      };
    const wrapped = Object.entries(api).map(([call, work]) => [call, wrap(call as keyof Api, work)]);
    return Object.fromEntries(wrapped) as Api;
  }

  async #claim(host: string, volume: FakeVolume) {
    if (driverTraits[volume.driver].hosts === 'many') {
      if (!volume.hosts.has(host))
        volume.hosts.set(host, { desired: 'attached', actual: 'attached', inUse: false });
      return { ready: true, assignment: this.#assignmentOf(volume, host) };
    }
    const mine = volume.hosts.get(host);
    if (mine === undefined) await this.#handOver(host, volume);
    else mine.desired = 'attached';
    const assignment = this.#assignmentOf(volume, host);
    return { ready: assignment.actual === 'attached', assignment };
  }

  async #handOver(host: string, volume: FakeVolume): Promise<void> {
    for (const [holder, { inUse }] of volume.hosts) {
      if (inUse) throw busy(volume.name, holder);
      volume.hosts.delete(holder);
      await this.#devices.take(holder, volume.serial);
    }
    volume.epoch += 1;
    const attachment = { desired: 'attached', actual: 'attaching', inUse: false } as const;
    volume.hosts.set(host, { ...attachment });
    void this.#attach(host, volume);
  }

  async #attach(host: string, volume: FakeVolume): Promise<void> {
    const { signal } = this.#closing;
    await delay(this.attachMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await this.#devices.give(host, volume.serial, volume.sizeBytes);
    const attachment = volume.hosts.get(host);
    if (attachment !== undefined) attachment.actual = 'attached';
  }

  #ticket(volume: FakeVolume, { serial, epoch }: { serial: string; epoch: number }) {
    if (serial.replace(/^vol-/, 'vol') !== volume.serial.replace(/^vol-/, 'vol')) throw noTicket(volume.name);
    const { filesystem } = volume;
    if (filesystem.state !== 'blank' && filesystem.state !== 'formatting') throw noTicket(volume.name);
    const renewed = filesystem.state === 'formatting';
    const uuid = filesystem.state === 'formatting' ? filesystem.uuid : randomUUID();
    volume.filesystem = { state: 'formatting', type: filesystem.type, uuid };
    return { volumeId: volume.id, epoch, serial, type: filesystem.type, uuid, renewed };
  }

  #formatted(volume: FakeVolume, { uuid, mounted }: { uuid: string; mounted: boolean }): void {
    const { filesystem } = volume;
    if ((filesystem.state !== 'formatting' && filesystem.state !== 'formatted') || filesystem.uuid !== uuid) {
      throw noTicket(volume.name);
    }
    const before = filesystem.state === 'formatted' && filesystem.mounted;
    volume.filesystem = { state: 'formatted', type: filesystem.type, uuid, mounted: mounted || before };
  }

  #held(host: string, volumeId: string, epoch: number): FakeVolume {
    const volume = [...this.#volumes.values()].find(({ id }) => id === volumeId);
    if (volume === undefined) throw notFound(volumeId);
    if (!volume.hosts.has(host) || volume.epoch !== epoch) {
      throw new ProductError('StaleEpoch', `Epoch ${epoch} of "${volume.name}" is over.`);
    }
    return volume;
  }

  #attachment(volume: FakeVolume, host: string) {
    const attachment = volume.hosts.get(host);
    if (attachment === undefined) throw notFound(volume.name);
    return attachment;
  }

  #assignmentOf(volume: FakeVolume, host: string): Assignment {
    const assignment = this.#assignment(volume, host);
    if (assignment === undefined) throw notFound(volume.name);
    return assignment;
  }

  #assignment(volume: FakeVolume, host: string): Assignment | undefined {
    const attachment = volume.hosts.get(host);
    if (attachment === undefined) return undefined;
    const { id, name, type, driver, epoch, readOnly, sizeBytes, filesystem, owner, options, serial } = volume;
    const storage = {
      ebs: { kind: 'ebs', volumeId: serial, provisionedGiB: 1, volumeType: 'gp3' },
      efs: {
        kind: 'efs',
        fileSystemId: 'fs-0123456789abcdef0',
        accessPointId: `fsap-${serial.slice(4)}`,
        path: '/',
      },
      none: undefined,
    } as const;
    const ref = storage[driverTraits[driver].storage];
    return {
      volumeId: id,
      name,
      type,
      driver,
      epoch,
      readOnly,
      sizeBytes,
      filesystem,
      owner,
      options,
      ...attachment,
      ...(ref === undefined ? {} : { storage: ref }),
    };
  }
}

function created(body: CreateVolumeInput): FakeVolume {
  const type = (body.type ?? 'local') as VolumeType;
  const driver = (body.driver ?? driversOf[type][0]) as Driver;
  const filesystem = (body.filesystem ?? 'ext4') as 'ext4' | 'xfs';
  return {
    id: `vol-${ulid()}`,
    name: body.name,
    type,
    driver,
    sizeBytes: parseSize(String(body.size ?? '1G')),
    serial: `vol-${randomUUID().replaceAll('-', '').slice(0, 17)}`,
    readOnly: body.readOnly ?? false,
    options: { ...body.options },
    owner: { ...defaultOwner, ...stripped(body.owner) },
    createdAt: new Date().toISOString(),
    epoch: 0,
    filesystem: driverTraits[driver].formatted ? { state: 'blank', type: filesystem } : { state: 'none' },
    hosts: new Map(),
  };
}

function stripped(owner: CreateVolumeInput['owner']): Partial<Volume['owner']> {
  return Object.fromEntries(Object.entries(owner ?? {}).filter(([, value]) => value !== undefined));
}
