import type { NewSnapshot } from '#shared/aws/ec2/block-storage.ts';
import type { OperationItem, VolumeItem } from '#shared/model/items.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { backupTag, productTags } from '../product-tags.ts';

/**
 * The snapshot that a backup operation makes of an EBS volume, tagged so that it is found again.
 * @param cut the freeze that it is made in
 */
export function snapshotOf(volume: VolumeItem, operation: OperationItem, cut?: string): NewSnapshot {
  const { storage, namespace, name } = volume;
  return {
    volumeId: storage?.kind === 'ebs' ? storage.volumeId : '',
    description: `Backup of ${namespace}/${name}`,
    tags: {
      ...productTags(volume),
      [tagKeys.operation]: operation.id,
      ...backupTag(operation),
      ...(cut === undefined ? {} : { [tagKeys.cut]: cut }),
    },
  };
}
