import type { OperationItem, VolumeItem } from '#shared/model/items.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';

/** Tags on everything that is made in AWS for a volume. */
export function productTags({ id, namespace, name }: VolumeItem): Record<string, string> {
  return {
    Name: `${namespace}/${name}`,
    [tagKeys.product]: productTagValue,
    [tagKeys.volumeId]: id,
    [tagKeys.namespace]: namespace,
    [tagKeys.name]: name,
  };
}

/** On a snapshot: which backup it is. */
export function backupTag({ backup }: Pick<OperationItem, 'backup'>): Record<string, string> {
  return backup === undefined ? {} : { [tagKeys.backup]: backup };
}
