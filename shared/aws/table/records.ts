import type {
  AttachmentItem,
  BackingItem,
  DeviceItem,
  HostItem,
  LeaseItem,
  ObservationItem,
  PurgeItem,
  SeenItem,
  StepItem,
  TaskItem,
  UsedItem,
  VolumeItem,
} from '#shared/model/items.ts';
import type { EntityItem, EntityName } from './entities.ts';
import type { Item } from './store.ts';
import { parseItem } from './writes.ts';

/** Everything in a volume's partition, read in one consistent Query. */
export interface VolumeRecord {
  readonly volume: VolumeItem;
  /** Only of single-writer drivers. */
  readonly lease: LeaseItem | undefined;
  readonly attachments: readonly AttachmentItem[];
  readonly observations: readonly ObservationItem[];
  readonly step: StepItem | undefined;
  readonly purge: PurgeItem | undefined;
  /** The backup that is being made of it. */
  readonly backing: BackingItem | undefined;
  /** Only of network volumes. */
  readonly used: UsedItem | undefined;
}

/** Everything in a host's partition. */
export interface HostRecord {
  readonly host: HostItem;
  readonly seen: SeenItem | undefined;
  readonly attachments: readonly AttachmentItem[];
  readonly devices: readonly DeviceItem[];
  readonly purges: readonly PurgeItem[];
  readonly tasks: readonly TaskItem[];
}

export function toVolumeRecord(items: readonly Item[]): VolumeRecord | undefined {
  const volume = one('volume', items);
  if (volume === undefined) return undefined;
  return {
    volume,
    lease: one('lease', items),
    attachments: all('attachmentTwin', items),
    observations: all('observation', items),
    step: one('step', items),
    purge: one('purge', items),
    backing: one('backing', items),
    used: one('used', items),
  };
}

export function toHostRecord(items: readonly Item[]): HostRecord | undefined {
  const host = one('host', items);
  if (host === undefined) return undefined;
  return {
    host,
    seen: one('seen', items),
    attachments: all('attachment', items),
    devices: all('device', items),
    purges: all('hostPurge', items),
    tasks: all('hostTask', items),
  };
}

export function all<E extends EntityName>(entity: E, items: readonly Item[]): EntityItem<E>[] {
  return items.filter((item) => item['entity'] === entity).map((item) => parseItem(entity, item));
}

function one<E extends EntityName>(entity: E, items: readonly Item[]): EntityItem<E> | undefined {
  return all(entity, items)[0];
}
