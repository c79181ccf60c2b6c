import {
  tagOf,
  type AttachAnswer,
  type AttachRequest,
  type BlockStorage,
  type BlockVolume,
  type DetachRequest,
  type NewBlockVolume,
  type NewSnapshot,
  type Snapshot,
  type SnapshotTag,
  type Tags,
} from '#shared/aws/ec2/block-storage.ts';
import type { NewSnapshotCopy, RegionSnapshots } from '#shared/aws/ec2/snapshot-regions.ts';
import { ProductError } from '#shared/model/errors.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { BlockHistory, type BlockWorld, type StoredVolume } from './block-history.ts';
import { Killed } from './killed.ts';

export type BlockFault =
  'throttle' | 'unavailable' | 'lost-answer' | 'drop' | 'error' | 'stuck' | 'crash-before' | 'crash-after';
export type BlockAction =
  Exclude<keyof BlockStorage | 'copySnapshot', 'findVolumes' | 'listVolumes' | 'findSnapshots'> | 'read';

export interface FakeBlockStorageOptions {
  readonly clock: () => Date;
  readonly fault?: (action: BlockAction) => BlockFault | undefined;
  /** Milliseconds that a read lags behind. */
  readonly readLag?: () => number;
  readonly delays?: Partial<Delays>;
  /** Instances that there are; any, where none are named. */
  readonly hosts?: readonly string[];
  /** What other Regions have, for copies. @default there are none */
  readonly regions?: (region: string) => BlockWorld;
  /** What its ids begin with. */
  readonly idPrefix?: string;
  /** Copies that EC2 makes at once. @default 20 */
  readonly mostCopies?: number;
}

interface Delays {
  readonly create: number;
  readonly attach: number;
  readonly detach: number;
  readonly delete: number;
  readonly snapshot: number;
  readonly copy: number;
}

const defaults: Delays = {
  create: 1_500,
  attach: 2_000,
  detach: 2_000,
  delete: 500,
  snapshot: 5_000,
  copy: 40_000,
};

/** Behaviour: block-storage.md beside this file. */
export class FakeBlockStorage implements BlockStorage, RegionSnapshots {
  readonly #options: FakeBlockStorageOptions;
  readonly #delays: Delays;
  readonly #history: BlockHistory;
  readonly #tokens = new Map<string, { readonly id: string; readonly wanted: string }>();
  readonly #held = new Set<string>();
  readonly #burned = new Set<string>();
  #count = 0;
  /** Every call that changed something or tried to, in order. */
  readonly calls: { readonly action: BlockAction; readonly about: string }[] = [];
  /** `volume instance` of each device that was to be detached without force while it was held. */
  readonly asked: string[] = [];
  /** `volume instance` of each device that was forced away while it was held. */
  readonly cutOff: string[] = [];
  /** Snapshots that were made while an instance held the device. */
  readonly cutWhileHeld = new Set<string>();

  constructor(options: FakeBlockStorageOptions) {
    this.#options = options;
    this.#delays = { ...defaults, ...options.delays };
    this.#history = new BlockHistory(options.clock);
  }

  /** What is true now, whatever reads show. */
  get truth(): BlockWorld {
    return this.#history.now();
  }

  /** The instance opens the device: a detach without force leaves it `busy`. */
  hold(volumeId: string, instanceId: string): void {
    this.#held.add(`${volumeId} ${instanceId}`);
  }

  release(volumeId: string, instanceId: string): void {
    this.#held.delete(`${volumeId} ${instanceId}`);
  }

  createVolume(wanted: NewBlockVolume): Promise<BlockVolume> {
    return this.#call('createVolume', wanted.clientToken, (fault) => {
      const known = this.#tokens.get(wanted.clientToken);
      const text = JSON.stringify(wanted);
      if (known !== undefined && known.wanted !== text) throw refused('IdempotentParameterMismatch');
      if (known !== undefined) return this.truth.volumes.get(known.id) ?? gone(known.id, wanted);
      const id = this.#newId('vol');
      const { clientToken, encrypted: _encrypted, ...shape } = wanted;
      const volume: StoredVolume = {
        id,
        ...shape,
        state: 'creating',
        volumeType: 'gp3',
        attachments: [],
        createdAt: this.#options.clock(),
      };
      this.#tokens.set(clientToken, { id, wanted: text });
      this.#history.write(({ volumes }) => volumes.set(id, volume));
      this.#history.later(this.#delays.create, ({ volumes }) => {
        if (fault === 'drop') volumes.delete(id);
        else patch(volumes, id, { state: fault === 'error' ? 'error' : 'available' });
      });
      return volume;
    });
  }

  findVolumes(ids: readonly string[]): Promise<BlockVolume[]> {
    return this.#read(({ volumes }) => ids.flatMap((id) => volumes.get(id) ?? []));
  }

  listVolumes(): Promise<BlockVolume[]> {
    return this.#read(({ volumes }) =>
      [...volumes.values()].filter(({ tags }) => tags[tagKeys.product] === productTagValue),
    );
  }

  attach({ volumeId, instanceId, device }: AttachRequest): Promise<AttachAnswer> {
    return this.#call('attach', `${volumeId} ${instanceId} ${device}`, (fault) => {
      const volume = this.truth.volumes.get(volumeId);
      if (volume === undefined) throw refused('InvalidVolume.NotFound');
      if (this.#options.hosts?.includes(instanceId) === false) {
        throw new ProductError('HostNotFound', 'EC2 does not know the host.');
      }
      if (volume.state !== 'available') return 'volume-busy';
      if (this.#deviceTaken(instanceId, device)) return 'device-taken';
      const attachment = { instanceId, device, state: 'attaching', since: this.#options.clock() } as const;
      this.#history.write(({ volumes }) =>
        patch(volumes, volumeId, { state: 'in-use', attachments: [attachment] }),
      );
      if (fault === 'stuck') this.#burned.add(`${instanceId} ${device}`);
      else
        this.#history.later(this.#delays.attach, (world) =>
          becomeAttached(world, volumeId, attachment.since),
        );
      return 'attaching';
    });
  }

  #deviceTaken(instanceId: string, device: string): boolean {
    const taken = [...this.truth.volumes.values()].flatMap(({ attachments }) => attachments);
    return (
      this.#burned.has(`${instanceId} ${device}`) ||
      taken.some((item) => item.instanceId === instanceId && item.device === device)
    );
  }

  detach({ volumeId, instanceId, force }: DetachRequest): Promise<void> {
    return this.#call('detach', `${volumeId} ${instanceId}${force ? ' force' : ''}`, () => {
      const [attachment] = this.truth.volumes.get(volumeId)?.attachments ?? [];
      if (attachment?.instanceId !== instanceId) return;
      const pair = `${volumeId} ${instanceId}`;
      if (!force && this.#held.has(pair)) this.asked.push(pair);
      if (force && this.#held.delete(pair)) this.cutOff.push(pair);
      if (attachment.state === 'detaching' || attachment.state === 'busy') return;
      const leaving = { ...attachment, state: 'detaching' } as const;
      this.#history.write(({ volumes }) => patch(volumes, volumeId, { attachments: [leaving] }));
      this.#finishDetach(volumeId, pair);
    });
  }

  #finishDetach(volumeId: string, pair: string): void {
    this.#history.later(this.#delays.detach, ({ volumes }) => {
      const [attachment] = volumes.get(volumeId)?.attachments ?? [];
      if (attachment === undefined) return;
      if (!this.#held.has(pair)) patch(volumes, volumeId, { state: 'available', attachments: [] });
      else {
        patch(volumes, volumeId, { attachments: [{ ...attachment, state: 'busy' }] });
        this.#finishDetach(volumeId, pair);
      }
    });
  }

  deleteVolume(id: string): Promise<'deleted' | 'in-use'> {
    return this.#call('deleteVolume', id, () => {
      const volume = this.truth.volumes.get(id);
      if (volume === undefined || volume.state === 'deleting') return 'deleted';
      if (volume.attachments.length > 0 || volume.state === 'creating') return 'in-use';
      this.#history.write(({ volumes }) => patch(volumes, id, { state: 'deleting' }));
      this.#history.later(this.#delays.delete, ({ volumes }) => volumes.delete(id));
      return 'deleted';
    });
  }

  createSnapshot({ volumeId, tags }: NewSnapshot): Promise<Snapshot> {
    return this.#call('createSnapshot', volumeId, (fault) => {
      if (!this.truth.volumes.has(volumeId)) throw refused('InvalidVolume.NotFound');
      const held = [...this.#held].some((pair) => pair.startsWith(`${volumeId} `));
      const made = this.#snapshot({ volumeId, tags, after: this.#delays.snapshot, fails: fault === 'error' });
      if (held) this.cutWhileHeld.add(made.id);
      return made;
    });
  }

  copySnapshot({ from, tags }: NewSnapshotCopy): Promise<Snapshot> {
    return this.#call('copySnapshot', from.snapshotId, (fault) => {
      const source = this.#options.regions?.(from.region).snapshots.get(from.snapshotId);
      if (source?.state !== 'completed') throw refused('InvalidSnapshot.NotFound');
      const { mostCopies = 20 } = this.#options;
      const under = [...this.truth.snapshots.values()].filter(
        ({ volumeId, state }) => volumeId === noVolume && state === 'pending',
      );
      if (under.length >= mostCopies) throw new ProductError('Throttled', 'Too many copies at once.');
      return this.#snapshot({
        volumeId: noVolume,
        tags,
        after: this.#delays.copy,
        fails: fault === 'error',
      });
    });
  }

  #snapshot({ volumeId, tags, after, fails }: MadeSnapshot): Snapshot {
    const id = this.#newId('snap');
    const startedAt = this.#options.clock();
    const snapshot = { id, volumeId, tags, state: 'pending', progress: 0, startedAt } as const;
    this.#history.write(({ snapshots }) => snapshots.set(id, snapshot));
    this.#history.later(after, ({ snapshots }) => {
      if (!snapshots.has(id)) return;
      const end = fails ? ({ state: 'error', reason } as const) : ({ state: 'completed' } as const);
      snapshots.set(id, { ...snapshot, ...end, progress: fails ? 0 : 100 });
    });
    return snapshot;
  }

  findSnapshots(of: SnapshotTag): Promise<Snapshot[]> {
    const [key, value] = tagOf(of);
    return this.#read(({ snapshots }) => [...snapshots.values()].filter(({ tags }) => tags[key] === value));
  }

  deleteSnapshot(id: string): Promise<void> {
    return this.#call('deleteSnapshot', id, () => {
      this.#history.write(({ snapshots }) => snapshots.delete(id));
    });
  }

  #call<T>(action: BlockAction, about: string, effect: (fault: BlockFault | undefined) => T): Promise<T> {
    return promised(() => {
      const fault = this.#options.fault?.(action);
      if (fault === 'crash-before') throw new Killed(`before ${action}`);
      this.calls.push({ action, about });
      refuse(fault);
      const answer = effect(fault);
      if (fault === 'lost-answer') throw new ProductError('Unavailable', 'The answer was lost.');
      if (fault === 'crash-after') throw new Killed(`after ${action}`);
      return answer;
    });
  }

  #read<T>(look: (world: BlockWorld) => T): Promise<T> {
    return promised(() => {
      refuse(this.#options.fault?.('read'));
      return look(this.#history.ago(this.#options.readLag?.() ?? 0));
    });
  }

  #newId(prefix: string): string {
    // No two Regions have the same ids.
    const { idPrefix = '' } = this.#options;
    return `${prefix}-${idPrefix}${String(++this.#count).padStart(17 - idPrefix.length, '0')}`;
  }
}

/** EC2 shows it on every copy. */
const noVolume = 'vol-ffffffff';
/** Of a copy whose key cannot be used. */
const reason = 'Given key ID is not accessible';

interface MadeSnapshot {
  readonly volumeId: string;
  readonly tags: Tags;
  readonly after: number;
  readonly fails: boolean;
}

function becomeAttached({ volumes }: BlockWorld, id: string, since: Date): void {
  const [attachment] = volumes.get(id)?.attachments ?? [];
  if (attachment?.since !== since || attachment.state !== 'attaching') return;
  patch(volumes, id, { attachments: [{ ...attachment, state: 'attached' }] });
}

function patch(volumes: Map<string, StoredVolume>, id: string, change: Partial<StoredVolume>): void {
  const volume = volumes.get(id);
  if (volume !== undefined) volumes.set(id, { ...volume, ...change });
}

/** EC2 answers a repeated token with what it answered before. */
function gone(
  id: string,
  { clientToken: _token, encrypted: _encrypted, ...shape }: NewBlockVolume,
): BlockVolume {
  return { id, ...shape, state: 'creating', volumeType: 'gp3', attachments: [], createdAt: undefined };
}

function refuse(fault: BlockFault | undefined): void {
  if (fault === 'throttle') throw new ProductError('Throttled', 'AWS takes no more requests right now.');
  if (fault === 'unavailable') throw new ProductError('Unavailable', 'AWS does not answer.');
}

function refused(awsCode: string): ProductError {
  return new ProductError('StorageFailed', `AWS refused it: ${awsCode}`, { about: { awsCode } });
}

async function promised<T>(work: () => T): Promise<T> {
  await Promise.resolve();
  return work();
}
