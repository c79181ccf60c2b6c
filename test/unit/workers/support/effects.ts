import type { Item, ItemStore, StoreWrite } from '#shared/aws/table/store.ts';
import type { Effect } from '#shared/model/crash-points.ts';
import type { FunctionName } from '#shared/model/environment.ts';
import type { AccessPointFault } from '#test/fakes/fake-access-points.ts';
import type { BlockAction, BlockFault } from '#test/fakes/fake-block-storage.ts';
import type { RecoveryAction, RecoveryFault } from '#test/fakes/fake-recovery-points.ts';
import type { ObjectAction } from '#test/fakes/fake-transfer-objects.ts';
import { Killed } from '#test/fakes/killed.ts';
import type { WorldOptions } from './world.ts';

/** Where a process is killed: at which effect, counted from 0, and on which side of it. */
export interface Kill {
  readonly at: number;
  readonly when: 'before' | 'after';
}

const actions: Readonly<Partial<Record<BlockAction, string>>> = {
  createVolume: 'CreateVolume',
  attach: 'AttachVolume',
  detach: 'DetachVolume',
  createSnapshot: 'CreateSnapshot',
  copySnapshot: 'CopySnapshot',
  deleteVolume: 'DeleteVolume',
  deleteSnapshot: 'DeleteSnapshot',
};

const jobs: Readonly<Record<RecoveryAction, string>> = {
  startBackup: 'StartBackupJob',
  startRestore: 'StartRestoreJob',
  startCopy: 'StartCopyJob',
  deletePoint: 'DeleteRecoveryPoint',
};

const objectCalls: Readonly<Record<ObjectAction, string>> = {
  begin: 'CreateMultipartUpload',
  complete: 'CompleteMultipartUpload',
  abort: 'AbortMultipartUpload',
  remove: 'DeleteObject',
};

type WatchedOptions = Pick<
  WorldOptions,
  'fault' | 'pointFault' | 'recoveryFault' | 'workerStore' | 'useCaseStore' | 'around'
>;

/** What a host's word is written down as. */
function toldByHost(writes: readonly StoreWrite[]): string {
  const of = (entity: string): boolean =>
    writes.some((write) => write.kind === 'put' && write.item['entity'] === entity);
  if (of('task')) return 'record answered';
  return of('transfer') ? 'record transfer' : 'record purged';
}

/** Records the effects of an operation, and kills who is about to have one, or has just had it. */
export class Effects {
  readonly recorded: Effect[] = [];
  /** Who calls S3 right now. */
  turn: FunctionName = 'backups-api';
  #kill: Kill | undefined;
  #recording = false;
  #claimed = '';
  #claimer: FunctionName = 'ebs-worker';

  /** From now on: forgets what was recorded, and kills there, once. */
  begin(kill?: Kill): void {
    this.recorded.length = 0;
    this.#recording = true;
    this.#kill = kill;
  }

  /** Whether somebody was killed since `begin`. */
  get killed(): boolean {
    return this.#kill === undefined;
  }

  /** What a world is made with so that each of its effects is recorded and may kill; not those on S3. */
  options(): WatchedOptions {
    return {
      fault: (action) => this.fault(action),
      pointFault: (action) => this.pointFault(action),
      recoveryFault: (action) => this.recoveryFault(action),
      workerStore: (store, by) => this.store(store, by),
      useCaseStore: (store, by) => this.store(store, by),
      around: (what, by, perform) => {
        const call =
          what === 'start'
            ? ({ service: 'states', action: 'StartExecution' } as const)
            : ({ service: 'sqs', action: 'SendMessage' } as const);
        return this.during({ by, what, ...call } as Effect, perform);
      },
    };
  }

  async during(effect: Effect, perform: () => Promise<void>): Promise<void> {
    const side = this.#next(effect);
    if (side === 'before') throw new Killed(`before ${effect.what}`);
    await perform();
    if (side === 'after') throw new Killed(`after ${effect.what}`);
  }

  /** For a fake that asks before each call what shall go wrong. */
  fault(action: BlockAction): BlockFault | undefined {
    const name = actions[action];
    if (name === undefined) return undefined;
    const by = this.#claimer;
    const side = this.#next({ by, service: 'ec2', action: name, what: this.#claimed });
    return side === undefined ? undefined : `crash-${side}`;
  }

  /** As {@link fault}, for access points. */
  pointFault(action: 'create' | 'delete'): AccessPointFault | undefined {
    const name = action === 'create' ? 'CreateAccessPoint' : 'DeleteAccessPoint';
    const by = 'efs-worker';
    const side = this.#next({ by, service: 'elasticfilesystem', action: name, what: this.#claimed });
    return side === undefined ? undefined : `crash-${side}`;
  }

  /** As {@link fault}, for recovery points. */
  recoveryFault(action: RecoveryAction): RecoveryFault | undefined {
    const by = action === 'startRestore' ? 'efs-worker' : 'backup-worker';
    const side = this.#next({ by, service: 'backup', action: jobs[action], what: this.#claimed });
    return side === undefined ? undefined : `crash-${side}`;
  }

  /** What is done with archives in S3, by whoever's turn it is. */
  objectCall(action: ObjectAction, perform: () => void): Promise<void> {
    const by = this.turn;
    const what = by.endsWith('-worker') ? this.#claimed : action;
    const effect: Effect = { by, service: 's3', action: objectCalls[action], what };
    return this.during(effect, () => Promise.resolve(perform()));
  }

  /** The table as one function writes it. */
  store(inner: ItemStore, by: FunctionName): ItemStore {
    return {
      get: (key) => inner.get(key),
      getMany: (keys) => inner.getMany(keys),
      query: (query) => inner.query(query),
      work: (...query) => inner.work(...query),
      transact: (writes) => {
        const what = this.#nameOf(writes, by);
        const effect: Effect = { by, service: 'dynamodb', action: 'TransactWriteItems', what };
        return this.during(effect, () => inner.transact(writes));
      },
    };
  }

  #next(effect: Effect): Kill['when'] | undefined {
    if (!this.#recording) return undefined;
    const again = effect.what === 'say' && this.recorded.at(-1)?.what === 'say';
    if (!again) this.recorded.push(effect);
    if (again || this.#kill?.at !== this.recorded.length - 1) return undefined;
    const { when } = this.#kill;
    this.#kill = undefined;
    return when;
  }

  #nameOf(writes: readonly StoreWrite[], by: FunctionName): string {
    const step = writes.find(({ key }) => key.sk === 'STEP');
    if (step?.kind === 'put') {
      this.#claimed = kindOf(String(step.item['step']));
      this.#claimer = by;
      return `claim ${this.#claimed}`;
    }
    if (step?.kind === 'delete') return `confirm ${this.#claimed}`;
    if (by === 'hosts-api') return toldByHost(writes);
    if (!by.endsWith('-worker')) return 'intent';
    // Only a step that says nothing but words writes the operation alone.
    if (writes.length === 1) return 'say';
    return `record ${kindOf(lastMark(writes))}`;
  }
}

function lastMark(writes: readonly StoreWrite[]): string {
  const operation = writes.find(({ key }) => key.sk === 'OP');
  const trail = operation?.kind === 'put' ? (operation.item as Item)['trail'] : undefined;
  return Array.isArray(trail) ? String(trail.at(-1)) : '';
}

const kindOf = (mark: string): string => mark.split(':')[0] ?? '';
