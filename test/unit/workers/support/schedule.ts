import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { ItemStore } from '#shared/aws/table/store.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import type { BlockAction, BlockFault } from '#test/fakes/fake-block-storage.ts';
import { Killed } from '#test/fakes/killed.ts';
import { judge } from './judge.ts';
import { Random } from './random.ts';
import { ScheduledBackups } from './schedule-backups.ts';
import { UnreliableStore, type StoreFault } from './unreliable-store.ts';
import { WatchedStore } from './watched-store.ts';
import { call, hostA, hostB, World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** What does not hold; empty when all does. */
  readonly broken: readonly string[];
  /** Faults that were injected, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly actions: number;
  /** What came of it, by kind. */
  readonly done: Readonly<Record<string, number>>;
  /** What was done, for whoever looks into a seed. */
  readonly log: readonly string[];
}

/** What is restored may take a name that nobody has. */
const names = ['data', 'logs', 'copy'] as const;
/** The policy selects it. */
const labels = { backup: 'true' };
const hosts = [hostA, hostB] as const;

const blockFaults: Readonly<Record<BlockAction, readonly [BlockFault, ...BlockFault[]]>> = {
  read: ['throttle', 'unavailable'],
  createVolume: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after', 'error', 'drop'],
  attach: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after', 'stuck'],
  detach: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after'],
  deleteVolume: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after'],
  createSnapshot: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after'],
  copySnapshot: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after', 'error'],
  deleteSnapshot: ['throttle', 'unavailable', 'lost-answer', 'crash-before', 'crash-after'],
};
const storeFaults = ['table-crash-before', 'table-crash-after', 'table-lost', 'table-unavailable'] as const;

/**
 * One random life of some volumes on two hosts: people's calls, agents, workers that are killed and called again, two at a time,
 * backups, restores, drills and a policy's runs, sweeps, and an EC2 that throttles, loses answers, hangs and shows things late.
 * Then the faults end, everything comes to rest, and what there is must agree.
 */
export class Schedule {
  readonly #seed: number;
  readonly #random: Random;
  readonly #faults: Record<string, number> = {};
  readonly #log: string[] = [];
  readonly #store = new WatchedStore();
  readonly #world: World;
  readonly #stopped = new Set<string>();
  /** Volume and host of each use that goes on. */
  readonly #uses = new Map<string, { readonly ebsId: string; readonly host: string }>();
  readonly #backups: ScheduledBackups;
  #chaos = true;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
    const unreliable = (store: ItemStore) =>
      new UnreliableStore(store, this.#random, () => this.#storeFault());
    this.#world = new World({
      store: this.#store,
      random: () => this.#random.next(),
      fault: (action) => this.#blockFault(action),
      readLag: () => (this.#chaos && this.#random.chance(0.3) ? this.#random.below(8_000) : 0),
      workerStore: unreliable,
    });
    const parts = {
      world: this.#world,
      random: this.#random,
      note: (line: string) => void this.#log.push(line),
      count: (fault: string) => void this.#count(fault),
      isChaos: () => this.#chaos,
      stopped: this.#stopped,
      uses: this.#uses,
    };
    this.#backups = new ScheduledBackups(parts, unreliable);
  }

  async run(actions = 300): Promise<Outcome> {
    for (const host of hosts) await this.#world.addHost(host);
    await this.#backups.begin();
    await this.#prepare();
    for (let count = 0; count < actions; count++) await this.#act();
    await this.#rest();
    const broken = [...this.#store.broken, ...(await judge(this.#world)), ...this.#backups.judge()];
    const done = { ...this.#backups.done, pruned: this.#store.pruned };
    return { seed: this.#seed, broken, faults: this.#faults, actions, done, log: this.#log };
  }

  /** One volume is in use already, one has a backup that can be restored. */
  async #prepare(): Promise<void> {
    this.#chaos = false;
    await this.#world.run(await this.#world.create('data', { labels }));
    await this.#world.run(await this.#world.attach('data', hostA));
    await this.#beginUse((await this.#world.volume('data')).volume.id);
    await this.#world.run(await this.#world.create('logs'));
    await this.#world.run(await this.#world.attach('logs', hostA));
    await this.#world.format('logs');
    await this.#world.run(await this.#world.backUp('logs'));
    this.#chaos = true;
  }

  #blockFault(action: BlockAction): BlockFault | undefined {
    if (!this.#chaos || !this.#random.chance(action === 'read' ? 0.05 : 0.3)) return undefined;
    return this.#count(this.#random.pick(blockFaults[action]));
  }

  #storeFault(): StoreFault | undefined {
    return this.#chaos && this.#random.chance(0.08) ? this.#count(this.#random.pick(storeFaults)) : undefined;
  }

  #count<F extends string>(fault: F): F {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
    this.#log.push(`  fault ${fault}`);
    return fault;
  }

  async #act(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.43) await this.#work();
    else if (dice < 0.55) this.#pass(this.#random.pick([1, 3, 10, 36, 120]));
    else if (dice < 0.66) await this.#call();
    else if (dice < 0.77) await this.#agent();
    else if (dice < 0.95) await this.#backups.act(hosts);
    else if (dice < 0.97) await this.#sweep();
    else await this.#power();
  }

  #pass(seconds: number): void {
    this.#log.push(`pass ${seconds} s`);
    this.#world.pass(seconds);
  }

  /** One or two workers on the same operation or on different ones. */
  async #work(): Promise<void> {
    const unfinished = await this.#unfinished();
    const [first] = unfinished;
    if (first === undefined) return;
    const ids: [string, ...string[]] = [first, ...unfinished];
    const chosen = Array.from({ length: this.#random.chance(0.25) ? 2 : 1 }, () => this.#random.pick(ids));
    this.#log.push(`work ${chosen.length} ${chosen.join(' ')}`);
    await Promise.all(chosen.map((id) => this.#step(id))); // eslint-disable-line hivemind/no-unbounded-all -- two at most
    this.#world.pass(this.#random.pick([0, 1, 2, 5]));
  }

  async #step(id: string): Promise<void> {
    try {
      const { outcome } = await this.#world.step(id);
      const { message } = await this.#world.operation(id);
      this.#log.push(`  ${outcome}: ${message}`);
    } catch (error) {
      // A killed worker, or a table that does not answer: the state machine calls again.
      if (!(error instanceof Killed) && !isProductError(error, 'Unavailable', 'Conflict')) throw error;
      this.#log.push(`  died: ${error.message}`);
    }
  }

  async #unfinished(): Promise<string[]> {
    const found = await this.#world.table.listUnfinishedOperations('9999');
    return found.map(({ id }) => id);
  }

  /** A person's call; a refusal is an answer. */
  async #call(): Promise<void> {
    const name = this.#random.pick(names);
    const host = this.#random.pick(hosts);
    const force = this.#random.chance(0.1);
    const zone = this.#random.chance(0.3) ? {} : { availabilityZone: 'us-east-1a' };
    const calls = {
      create: () => this.#world.create(name, { availabilityZone: undefined, labels, ...zone }),
      attach: () => this.#world.attach(name, host, force),
      detach: () => this.#world.detach(name, force),
      delete: () =>
        this.#world.delete(name, { force: this.#random.chance(0.4), purge: this.#random.chance(0.4) }),
      undelete: () => this.#world.undelete(name),
      restore: () => this.#restore(name),
    };
    const what = this.#random.pick([
      'create',
      'create',
      'attach',
      'attach',
      'attach',
      'detach',
      'delete',
      'undelete',
      'restore',
    ]);
    await this.#ask(`${what} ${name} ${host}${force ? ' force' : ''}`, calls[what as keyof typeof calls]);
  }

  /** In place, of one of the backups that deletes and restores have left. */
  async #restore(name: string): Promise<void> {
    const { items } = await this.#world.table.list('backupIndex', { pk: 'NS#default#BACKUPS', limit: 20 });
    const [newest, ...older] = items;
    if (newest === undefined) return;
    const { backupId } = this.#random.pick([newest, ...older]);
    const force = this.#random.chance(0.4);
    await restoreBackup(this.#world.backupsApi, call(), { backup: backupId, name, inPlace: true, force });
  }

  async #ask(what: string, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
      this.#log.push(what);
    } catch (error) {
      const named = isProductError(error) ? error.code : error instanceof Error ? error.message : '';
      if (!isProductError(error) && !named.startsWith('there is no')) throw error;
      this.#log.push(`${what}: ${named}`);
    }
  }

  /** The agent of the holder begins or ends to use the volume; what it writes on is formatted. */
  async #agent(): Promise<void> {
    const name = this.#random.pick(names);
    const record = await this.#world.table.readVolumeByName('default', name);
    if (record === undefined) return;
    if (this.#uses.has(record.volume.id)) await this.#endUse(record.volume.id);
    else await this.#beginUse(record.volume.id);
  }

  async #beginUse(volumeId: string): Promise<void> {
    const { volume, lease, attachments } = await this.#world.byId(volumeId);
    const mine = attachments.find(({ hostId }) => hostId === lease?.holder);
    const ready = mine?.actual === 'attached' && mine.desired === 'attached' && mine.epoch === lease?.epoch;
    if (!ready || lease === undefined || volume.storage?.kind !== 'ebs' || this.#stopped.has(mine.hostId))
      return;
    const filesystem = {
      state: 'formatted',
      type: 'ext4',
      uuid: crypto.randomUUID(),
      mounted: true,
    } as const;
    await this.#world.table.transact([replace('lease', lease, { ...lease, inUse: true, filesystem })]);
    const ebsId = volume.storage.volumeId;
    this.#world.storage.hold(ebsId, mine.hostId);
    this.#uses.set(volumeId, { ebsId, host: mine.hostId });
    this.#log.push(`use begins on ${mine.hostId} of ${ebsId}`);
  }

  /** The device is let go first; the lease is cleared if it is still this host's. */
  async #endUse(volumeId: string): Promise<void> {
    const use = this.#uses.get(volumeId);
    if (use === undefined) return;
    this.#uses.delete(volumeId);
    this.#world.storage.release(use.ebsId, use.host);
    this.#log.push(`use ends on ${use.host} of ${use.ebsId}`);
    const lease = (await this.#world.table.readVolume(volumeId))?.lease;
    if (lease?.holder !== use.host || !lease.inUse) return;
    await this.#world.table.transact([replace('lease', lease, { ...lease, inUse: false })]);
  }

  async #sweep(): Promise<void> {
    this.#log.push('sweep');
    const { storage } = this.#world;
    const inventory = {
      snapshots: () =>
        Promise.resolve(
          [...storage.truth.snapshots.values()].map((one) => ({ ...one, createdAt: one.startedAt })),
        ),
      accessPoints: () => Promise.resolve([]),
    };
    try {
      await sweep(this.#world.sweepPorts({ inventory }));
    } catch (error) {
      if (!(error instanceof Killed) && !isProductError(error, 'Throttled', 'Unavailable')) throw error;
    }
  }

  /** A machine stops, with what it held, or starts again: its agent then finds nothing in use. */
  async #power(): Promise<void> {
    const host = this.#random.pick(hosts);
    if (this.#stopped.delete(host)) return this.#start(host);
    this.#log.push(`stop ${host}`);
    this.#stopped.add(host);
    for (const use of this.#uses.values()) {
      if (use.host === host) this.#world.storage.release(use.ebsId, host);
    }
    this.#world.instances.set(host, { state: 'stopped' });
  }

  async #start(host: string): Promise<void> {
    this.#log.push(`start ${host}`);
    this.#world.instances.set(host, { state: 'running' });
    for (const [volumeId, use] of this.#uses) if (use.host === host) await this.#endUse(volumeId);
  }

  /** No more faults, containers end, and time passes until nothing is under way. */
  async #rest(): Promise<void> {
    this.#chaos = false;
    this.#log.push('rest');
    for (const host of this.#stopped) await this.#start(host);
    this.#stopped.clear();
    for (const volumeId of this.#uses.keys()) await this.#endUse(volumeId);
    await this.#finish();
    // The undo window of no tombstone ends in this hour, but a purge without an operation is due; and what AWS has of us is
    // looked through once an hour, at its first minute.
    this.#world.pass(7_200 - ((this.#world.clock().getTime() / 1_000) % 3_600));
    await this.#sweep();
    await this.#finish();
    this.#world.pass(10);
  }

  async #finish(): Promise<void> {
    for (let round = 0; round < 400; round++) {
      const unfinished = await this.#unfinished();
      const runs = await this.#backups.unfinished();
      if (unfinished.length === 0 && runs.length === 0) return;
      for (const id of unfinished) await this.#step(id);
      await this.#backups.goOn(hosts);
      this.#world.pass(this.#random.pick([1, 5, 30]));
    }
  }
}
