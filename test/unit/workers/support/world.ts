import { ulid } from 'ulid';
import { Table } from '#shared/aws/table/table.ts';
import { create, replace } from '#shared/aws/table/writes.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import type { ItemStore } from '#shared/aws/table/store.ts';
import type { FunctionName } from '#shared/model/environment.ts';
import type { HostItem, LeaseItem, OperationItem } from '#shared/model/items.ts';
import type { WorkerOutput } from '#shared/model/operation.ts';
import { CreateVolume, type CreateVolumeInput } from '#shared/model/volume.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import type { CreateBackup } from '#shared/model/backup.ts';
import { attachVolume } from '#functions/volumes/attach-volume.ts';
import { createVolume } from '#functions/volumes/create-volume.ts';
import { deleteVolume } from '#functions/volumes/delete-volume.ts';
import { detachVolume } from '#functions/volumes/detach-volume.ts';
import { undeleteVolume } from '#functions/volumes/undelete-volume.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import type { SweepPorts } from '#functions/sweep/ports.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { backupDriver } from '#functions/workers/backups/driver.ts';
import type { BackupFacts, BackupStep } from '#functions/workers/backups/steps.ts';
import { ebsDriver } from '#functions/workers/ebs/driver.ts';
import type { EbsFacts, EbsStep } from '#functions/workers/planner-ebs-steps.ts';
import { efsDriver } from '#functions/workers/efs/driver.ts';
import type { EfsFacts, EfsStep } from '#functions/workers/planner-efs.ts';
import { Worker } from '#functions/workers/runner.ts';
import { transferDriver } from '#functions/workers/transfers/driver.ts';
import { isTransfer } from '#functions/workers/transfers/is-transfer.ts';
import type { TransferFacts, TransferStep } from '#functions/workers/transfers/steps.ts';
import { FakeBlockStorage, type FakeBlockStorageOptions } from '#test/fakes/fake-block-storage.ts';
import { FakeAccessPoints, type AccessPointFault } from '#test/fakes/fake-access-points.ts';
import { FakePolicyParts } from '#test/fakes/fake-policy-parts.ts';
import { FakeRepositories } from '#test/fakes/fake-repositories.ts';
import { FakeRecoveryPoints, type FakeRecoveryPointsOptions } from '#test/fakes/fake-recovery-points.ts';
import { FakeManifestObjects } from '#test/fakes/fake-manifest-objects.ts';
import { FakeInstances } from '#test/fakes/fake-instances.ts';
import { FakeTransferObjects } from '#test/fakes/fake-transfer-objects.ts';
import { MemoryStore } from '#test/fakes/memory-store.ts';

export const hostA = 'i-0000000000000000a';
export const hostB = 'i-0000000000000000b';
export const undoWindowHours = 24;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The Region that backups may be copied to. */
export const abroad = 'eu-west-1';

export interface WorldOptions extends Omit<FakeBlockStorageOptions, 'clock' | 'regions' | 'idPrefix'> {
  /** @default that one */
  readonly copyRegions?: readonly string[];
  /** Those with a vault. @default that one */
  readonly vaultRegions?: readonly string[];
  readonly store?: MemoryStore;
  /** Where ids come from: 0 up to, and without, 1. @default nothing repeats them */
  readonly random?: () => number;
  readonly points?: FakeAccessPoints;
  readonly recoveryFault?: NonNullable<FakeRecoveryPointsOptions['fault']>;
  /** Of what the worker does to a repository. */
  readonly repositoryFault?: () => 'crash-before' | 'crash-after' | undefined;
  readonly pointFault?: (action: 'create' | 'delete') => AccessPointFault | undefined;
  /** What workers see of the table. */
  readonly workerStore?: (store: ItemStore, by: FunctionName) => ItemStore;
  /** What the other functions see of it. */
  readonly useCaseStore?: (store: ItemStore, by: FunctionName) => ItemStore;
  /** Around each start of an execution and each waking of a host. */
  readonly around?: (what: 'start' | 'wake', by: FunctionName, perform: () => Promise<void>) => Promise<void>;
}

/** API, workers, table and EC2 in one process, under a clock that only the test moves. */
export class World {
  readonly store: MemoryStore;
  readonly table: Table;
  readonly instances = new FakeInstances();
  readonly storage: FakeBlockStorage;
  /** Block storage of the other Region. */
  readonly abroad: FakeBlockStorage;
  readonly api: Ports;
  readonly worker: Worker<EbsStep, EbsFacts>;
  readonly points: FakeAccessPoints;
  readonly recovery: FakeRecoveryPoints;
  /** Recovery points of the other Region. */
  readonly recoveryAbroad: FakeRecoveryPoints;
  readonly efsWorker: Worker<EfsStep, EfsFacts>;
  readonly backupWorker: Worker<BackupStep, BackupFacts>;
  readonly objects = new FakeTransferObjects();
  readonly manifests = new FakeManifestObjects();
  readonly repositories: FakeRepositories;
  readonly transferWorker: Worker<TransferStep, TransferFacts>;
  /** Names of the executions that were started. */
  readonly started: string[] = [];
  readonly woken: string[] = [];
  readonly removedQueues: string[] = [];
  readonly #options: WorldOptions;
  /** What EventBridge Scheduler and CloudWatch have of policies, and runs whose executions were started. */
  readonly policies = new FakePolicyParts();
  #now = Date.parse('2026-11-23T12:00:00Z');

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    const clock = this.clock;
    this.store = options.store ?? new MemoryStore();
    this.table = new Table(this.store);
    const regions = (region: string) => (region === abroad ? this.abroad : this.storage).truth;
    this.storage = new FakeBlockStorage({ ...options, clock, regions });
    this.abroad = new FakeBlockStorage({ ...options, clock, regions, idPrefix: 'e' });
    const workflow = { start: ({ id }: { id: string }) => this.#start('volumes-api', id) };
    const waker = (by: FunctionName) => ({ wake: (host: string) => this.#wake(by, host) });
    const { instances } = this;
    const newId = () => ulid(this.#now, options.random);
    const { copyRegions = [abroad], vaultRegions = [abroad] } = options;
    const settings = { undoWindowHours, region: 'us-east-1', copyRegions, vaultRegions };
    const table = this.tableOf('volumes-api');
    this.api = {
      table,
      workflow,
      waker: waker('volumes-api'),
      instances,
      log: silent,
      clock,
      newId,
      settings,
    };
    const { pointFault } = options;
    this.points = options.points ?? new FakeAccessPoints({ clock, ...(pointFault && { fault: pointFault }) });
    const { recoveryFault } = options;
    const vaults = {
      clock,
      ...(recoveryFault && { fault: recoveryFault }),
      others: (to: string) => this.#vaults.in(to),
    };
    this.recovery = new FakeRecoveryPoints(vaults);
    this.recoveryAbroad = new FakeRecoveryPoints({ ...vaults, region: abroad });
    const { points, recovery, storage } = this;
    const portsOf = (by: FunctionName) => ({
      table: new Table(options.workerStore?.(this.store, by) ?? this.store),
      waker: waker(by),
      log: silent,
      clock,
    });
    const ebs = portsOf('ebs-worker');
    const { region } = settings;
    const { objects, manifests } = this;
    const aws = { storage, instances, objects };
    this.worker = new Worker(ebs, ebsDriver({ ...ebs, ...aws, undoWindowHours, region }));
    const efs = portsOf('efs-worker');
    this.efsWorker = new Worker(efs, efsDriver({ ...efs, points, recovery, objects, undoWindowHours }));
    const backups = portsOf('backup-worker');
    this.repositories = new FakeRepositories(clock, options.repositoryFault);
    const { repositories } = this;
    const places = { ...this.#places(), recovery: this.#vaults };
    const parts = { ...backups, ...places, instances, manifests, repositories, objects };
    this.backupWorker = new Worker(backups, backupDriver(parts));
    this.transferWorker = new Worker(backups, transferDriver({ ...backups, objects }));
  }

  get #vaults() {
    return { in: (region: string) => (region === abroad ? this.recoveryAbroad : this.recovery) };
  }

  #places() {
    const { storage } = this;
    return { storage, regions: { in: (region: string) => (region === abroad ? this.abroad : storage) } };
  }

  /** The API of backups: a function of its own. */
  get backupsApi(): Ports {
    const start = ({ id }: { id: string }) => this.#start('backups-api', id);
    const waker = { wake: (host: string) => this.#wake('backups-api', host) };
    return { ...this.api, table: this.tableOf('backups-api'), workflow: { start }, waker };
  }

  /** The table as a function sees it that is no worker. */
  tableOf(by: FunctionName): Table {
    return new Table(this.#options.useCaseStore?.(this.store, by) ?? this.store);
  }

  #start(by: FunctionName, name: string): Promise<void> {
    return this.#around('start', by, () => Promise.resolve(void this.started.push(name)));
  }

  #wake(by: FunctionName, host: string): Promise<void> {
    return this.#around('wake', by, () => Promise.resolve(void this.woken.push(host)));
  }

  #around(what: 'start' | 'wake', by: FunctionName, perform: () => Promise<void>): Promise<void> {
    const { around } = this.#options;
    return around === undefined ? perform() : around(what, by, perform);
  }

  readonly clock = (): Date => new Date(this.#now);

  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }

  async addHost(id: string, availabilityZone = 'us-east-1a'): Promise<void> {
    this.instances.set(id, { availabilityZone });
    const now = this.clock().toISOString();
    const host: HostItem = {
      id,
      namespace: 'default',
      availabilityZone,
      instanceType: 'm7g.large',
      instanceState: 'running',
      bootId: crypto.randomUUID(),
      agentVersion: '0',
      hostname: id,
      drivers: ['ebs', 'efs', 'bind', 'tmpfs'],
      draining: false,
      registeredAt: now,
      lastSeenAt: now,
      revision: 1,
      queueUrl: `https://sqs.invalid/${id}`,
      lastDevice: -1,
      burnedDevices: [],
      maxAttachments: 26,
    };
    const index = { namespace: 'default', hostId: id };
    await this.table.transact([create('host', host), create('hostIndex', index)]);
  }

  async create(name: string, parts: Partial<CreateVolumeInput> = {}): Promise<string> {
    const body = { name, size: '10G', availabilityZone: 'us-east-1a', ...parts };
    await createVolume(this.api, call(), CreateVolume.parse(body));
    return this.lastOperation(name);
  }

  async attach(name: string, host: string, forceDetach = false): Promise<string> {
    await attachVolume(this.api, call(), { name, host, forceDetach });
    return this.lastOperation(name);
  }

  async detach(name: string, forceDetach = false): Promise<string> {
    await detachVolume(this.api, call(), { name, forceDetach });
    return this.lastOperation(name);
  }

  async delete(name: string, { force = false, purge = false } = {}): Promise<string> {
    const record = await this.volume(name);
    await deleteVolume(this.api, call(), { name, force, purge });
    return (await this.byId(record.volume.id)).volume.operation ?? '';
  }

  /** Begins a backup; the operation's id. */
  async backUp(name: string, parts: Partial<CreateBackup> = {}): Promise<string> {
    const request = { volume: name, description: '', ...parts };
    return (await createBackup(this.backupsApi, call(), request)).body.id;
  }

  async undelete(name: string): Promise<void> {
    await undeleteVolume(this.api, call(), { name });
  }

  async lastOperation(name: string): Promise<string> {
    return (await this.volume(name)).volume.operation ?? '';
  }

  async volume(name: string): Promise<VolumeRecord> {
    return existing(await this.table.readVolumeByName('default', name), name);
  }

  async byId(id: string): Promise<VolumeRecord> {
    return existing(await this.table.readVolume(id), id);
  }

  async operation(id: string): Promise<OperationItem> {
    return existing(await this.table.readOperation(id), id);
  }

  /** One worker invocation with 30 s left. */
  async step(operationId: string): Promise<WorkerOutput> {
    const operation = await this.operation(operationId);
    const { driver } = operation;
    const backup = isTransfer(operation) ? this.transferWorker : this.backupWorker;
    const workers = { ebs: this.worker, efs: this.efsWorker, backup };
    return workers[driver].run({ operationId, driver }, new Date(this.#now + 30_000));
  }

  /** What the state machine does: invocation after invocation, with its waits, until the operation ends. */
  async run(operationId: string, most = 500): Promise<OperationItem> {
    for (let count = 0; count < most; count++) {
      const { outcome, waitSeconds } = await this.step(operationId);
      if (outcome === 'done' || outcome === 'failed') break;
      this.pass(waitSeconds);
    }
    return this.operation(operationId);
  }

  /** The agent has formatted it, and says so. */
  async format(name: string): Promise<void> {
    const filesystem = {
      state: 'formatted',
      type: 'ext4',
      uuid: crypto.randomUUID(),
      mounted: true,
    } as const;
    await this.changeLease(name, () => ({ filesystem }));
  }

  /** The holder's agent begins or ends to use the volume, as its route does: under the lease as it is. */
  async use(name: string, inUse: boolean): Promise<void> {
    await this.changeLease(name, () => ({ inUse }));
  }

  /** The sweeper starts the purges that are due; the operations' ids. */
  async purge(): Promise<string[]> {
    return [...(await sweep(this.sweepPorts())).purges];
  }

  sweepPorts(parts: Partial<SweepPorts> = {}): SweepPorts {
    const executions = {
      state: () => Promise.resolve('running' as const),
      start: (name: string) => this.#start('sweeper', name),
    };
    const { clock } = this;
    const { newId } = this.api;
    const table = this.tableOf('sweeper');
    const queues = { remove: (url: string) => Promise.resolve(void this.removedQueues.push(url)) };
    const nothing = () => Promise.resolve([]);
    const inventory = { snapshots: nothing, accessPoints: nothing };
    return {
      log: silent,
      count: () => undefined,
      inventory,
      manifests: this.manifests,
      table,
      ...this.#places(),
      recovery: this.#vaults,
      settings: { ...this.api.settings, fileSystemId: this.points.fileSystemId },
      executions,
      runs: executions,
      queues,
      clock,
      newId,
      ...parts,
    };
  }

  async changeLease(name: string, change: (lease: LeaseItem) => Partial<LeaseItem>): Promise<void> {
    const record = await this.volume(name);
    const lease = existing(record.lease, `lease of ${name}`);
    await this.table.transact([replace('lease', lease, { ...lease, ...change(lease) })]);
  }
}

export function call(parts: Partial<Call> = {}): Call {
  const caller = {
    arn: 'arn:aws:iam::000000000000:user/alice',
    userId: 'AIDAALICE',
    account: '000000000000',
  };
  return { caller, namespace: 'default', requestHash: '', ...parts };
}

export function existing<T>(item: T | undefined, what: string): T {
  // eslint-disable-next-line hivemind/no-default-error -- a test's own failure
  if (item === undefined) throw new Error(`there is no ${what}`);
  return item;
}
