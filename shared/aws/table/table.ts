import { ProductError } from '#shared/model/errors.ts';
import type {
  BackupItem,
  HostItem,
  OperationItem,
  ReceiptItem,
  StepItem,
  VolumeItem,
} from '#shared/model/items.ts';
import type { RunItem } from '#shared/model/policy-items.ts';
import { isRunFinished } from '#shared/model/policy.ts';
import { tombstoneStates } from '#shared/model/states.ts';
import { DynamoStore } from './dynamo-store.ts';
import type { EntityItem, EntityName } from './entities.ts';
import { keys, partitions, workPartitions, type Key } from './keys.ts';
import { all, toHostRecord, toVolumeRecord, type HostRecord, type VolumeRecord } from './records.ts';
import { WritesLost, type Item, type ItemStore, type StoreQuery } from './store.ts';
import { parseItem, remove, write, type Write } from './writes.ts';

/** Contract 8: how long after a step's deadline somebody else may take over, in milliseconds. */
const stepGrace = 5_000;

/** The typed table: zod is the schema of every item. All reads are consistent, but for the two lists of work. */
export class Table {
  readonly #store: ItemStore;

  constructor(store: ItemStore) {
    this.#store = store;
  }

  /** Volume, lease, attachments, observations and step claim as of one moment. */
  async readVolume(volumeId: string): Promise<VolumeRecord | undefined> {
    return toVolumeRecord(await this.#partition({ pk: partitions.volume(volumeId) }));
  }

  /** The volume that has this name now; tombstones have none. */
  async readVolumeByName(namespace: string, name: string): Promise<VolumeRecord | undefined> {
    const claim = await this.read('name', keys.name(namespace, name));
    const record = claim === undefined ? undefined : await this.readVolume(claim.volumeId);
    // Deleted between the two reads: the name has gone by now.
    return record === undefined || tombstoneStates.has(record.volume.state) ? undefined : record;
  }

  /** Tombstones of one name, newest last. */
  async listTombstonesOf(namespace: string, name: string): Promise<EntityItem<'tombstone'>[]> {
    const items = await this.#partition({ pk: partitions.deleted(namespace), prefix: `${name}#` });
    return all('tombstone', items).sort((a, b) => (a.deletedAt < b.deletedAt ? -1 : 1));
  }

  async readOperation(operationId: string): Promise<OperationItem | undefined> {
    return this.read('operation', keys.operation(operationId));
  }

  async readBackup(backupId: string): Promise<BackupItem | undefined> {
    return this.read('backup', keys.backup(backupId));
  }

  /** All backups of a volume, oldest first. */
  async listBackupsOf(volumeId: string): Promise<BackupItem[]> {
    const items = await this.#partition({ pk: partitions.volumeBackups(volumeId) });
    const wanted = all('volumeBackup', items).map(({ backupId }) => keys.backup(backupId));
    return this.readMany('backup', wanted);
  }

  /** Whether any backup of the volume has a record. */
  async hasBackups(volumeId: string): Promise<boolean> {
    const { items } = await this.#store.query({ pk: partitions.volumeBackups(volumeId), limit: 1 });
    return items.length > 0;
  }

  async readReceipt(operationId: string): Promise<ReceiptItem | undefined> {
    return this.read('receipt', keys.receipt(operationId));
  }

  async readHost(hostId: string): Promise<HostRecord | undefined> {
    return toHostRecord(await this.#partition({ pk: partitions.host(hostId) }));
  }

  async read<E extends EntityName>(entity: E, key: Key): Promise<EntityItem<E> | undefined> {
    const item = await this.#store.get(key);
    return item === undefined ? undefined : parseItem(entity, item);
  }

  /** Items of one entity by key; what is absent is left out; the order is that of the keys. */
  async readMany<E extends EntityName>(entity: E, wanted: readonly Key[]): Promise<EntityItem<E>[]> {
    const found = await this.readMixed(wanted);
    return wanted.flatMap((key) => {
      const item = found.get(`${key.pk} ${key.sk}`);
      return item === undefined ? [] : [parseItem(entity, item)];
    });
  }

  /** Items of several entities in as few reads as can be, by `pk sk`. */
  async readMixed(wanted: readonly Key[]): Promise<Map<string, Item>> {
    const items = wanted.length === 0 ? [] : await this.#store.getMany(wanted);
    return new Map(items.map((item) => [`${String(item['pk'])} ${String(item['sk'])}`, item]));
  }

  /** One page of an index partition; `next` is the sort key to go on after. */
  async list<E extends EntityName>(
    entity: E,
    query: StoreQuery,
  ): Promise<{ items: EntityItem<E>[]; next?: string }> {
    const { items, next } = await this.#store.query(query);
    return {
      items: items.map((item) => parseItem(entity, item)),
      ...(next === undefined ? {} : { next }),
    };
  }

  /** Unfinished operations made before the time, oldest first. */
  async listUnfinishedOperations(before: string, limit = 100): Promise<OperationItem[]> {
    const found = await this.#store.work(workPartitions.operations, endOf(before), limit);
    const operations = await this.readMany('operation', found);
    return operations.filter(({ status }) => status === 'pending' || status === 'running');
  }

  /** Runs of policies made before the time that are not finished, oldest first. */
  async listUnfinishedRuns(before: string, limit = 100): Promise<RunItem[]> {
    const found = await this.#store.work(workPartitions.runs, endOf(before), limit);
    const runs = await this.readMany('run', found);
    return runs.filter(({ state }) => !isRunFinished(state));
  }

  /** Tombstones whose undo window has ended. */
  async listDuePurges(now: string, limit = 100): Promise<VolumeItem[]> {
    const found = await this.#store.work(workPartitions.purges, endOf(now), limit);
    const volumes = await this.readMany('volume', found);
    return volumes.filter(({ state, purgeAt }) => state === 'deleted' && (purgeAt ?? '~') <= now);
  }

  /** Hosts that EC2 terminated before the time: those that still have their queue, or those that have none any more. */
  async listTerminatedHosts(which: 'hostQueues' | 'goneHosts', before: string): Promise<HostItem[]> {
    const found = await this.#store.work(workPartitions[which], endOf(before), 100);
    const hosts = await this.readMany('host', found);
    return hosts.filter(({ queueUrl }) => (queueUrl === '') === (which === 'goneHosts'));
  }

  /**
   * All writes or none.
   * @throws ProductError Conflict when a condition does not hold: `about.item` names the first entity that lost.
   */
  async transact(writes: readonly Write[]): Promise<void> {
    try {
      await this.#store.transact(writes.map(({ store }) => store));
    } catch (error) {
      if (!(error instanceof WritesLost)) throw error;
      const lost = error.positions.flatMap((at) => writes[at]?.entity ?? []);
      throw new ProductError(
        'Conflict',
        `Somebody else changed the ${lost[0] ?? 'record'} at the same time.`,
        {
          cause: error,
          about: { item: lost[0] ?? 'unknown', items: lost.join(',') },
          hint: 'Read it again and repeat the call.',
        },
      );
    }
  }

  /**
   * Contract 8: claims the volume for one step; false when somebody else's claim stands, that is until its deadline and 5 s.
   * The `extra` writes (progress of the operation, checks of the state) go with it and may be lost as a Conflict.
   */
  async claimStep(step: StepItem, now: Date, extra: readonly Write[] = []): Promise<boolean> {
    const time = new Date(now.getTime() - stepGrace).toISOString();
    const claim = write('step', step, { kind: 'absentOrBefore', attribute: 'deadline', time }); // guard: step-claimed off: const claim = write('step', step, time === '' ? { kind: 'absent' } : undefined);
    try {
      await this.transact([claim, ...extra]);
      return true;
    } catch (error) {
      if (error instanceof ProductError && error.details.about?.['item'] === 'step') return false;
      throw error;
    }
  }

  /** Ends a step: removes its claim in the transaction of what it changed; lost when the claim was taken over. */
  async confirmStep(step: StepItem, changes: readonly Write[] = []): Promise<void> {
    await this.transact([remove('step', step), ...changes]);
  }

  async #partition(query: StoreQuery): Promise<Item[]> {
    const items: Item[] = [];
    for (let after: string | undefined; ;) {
      const page = await this.#store.query({ ...query, ...(after === undefined ? {} : { after }) });
      items.push(...page.items);
      if (page.next === undefined) return items;
      after = page.next;
    }
  }
}

/** Sort keys of work are `time#id`: the last one of a moment. */
function endOf(time: string): string {
  return `${time}~`;
}

/** The product's table by its name, in DynamoDB. */
export function openTable(name: string): Table {
  return new Table(new DynamoStore(name));
}
