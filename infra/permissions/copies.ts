import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { asked, ours, ourSnapshots, snapshotsIn, underKeys } from './ec2.ts';
import type { Permission } from './permission.ts';

export interface CopyKeys {
  /** Of the deployment's own Region. */
  readonly home: IKey;
  /** Of each other Region, by its name. */
  readonly keys: Readonly<Record<string, string>>;
}

/**
 * To copy snapshots of ours from and to the Regions that have a key, and under those keys alone; nothing at all where there is
 * none. EC2 checks what is copied and the copy by themselves. Source: EBS user guide, copy a snapshot.
 */
export function onCopies(scope: Construct, { home, keys }: CopyKeys): Permission[] {
  const regions = Object.keys(keys);
  if (regions.length === 0) return [];
  const resources = [snapshotsIn(scope), ...regions.map((region) => snapshotsIn(scope, region))];
  const snapshots = { resources, wildcard: ourSnapshots };
  return [
    { sid: 'CopyOurs', actions: ['ec2:CopySnapshot'], ...snapshots, conditions: ours },
    { sid: 'CopyTo', actions: ['ec2:CopySnapshot'], ...snapshots, conditions: asked },
    {
      sid: 'TagCopies',
      actions: ['ec2:CreateTags'],
      ...snapshots,
      conditions: { StringEquals: { 'ec2:CreateAction': ['CopySnapshot'] } },
    },
    ...removeCopies(scope, keys),
    ...underKeys([home.keyArn, ...Object.values(keys)]),
  ];
}

/** To remove copies in other Regions that carry our tag. */
export function removeCopies(scope: Construct, keys: CopyKeys['keys']): Permission[] {
  const resources = Object.keys(keys).map((region) => snapshotsIn(scope, region));
  if (resources.length === 0) return [];
  return [
    {
      sid: 'DeleteCopies',
      actions: ['ec2:DeleteSnapshot'],
      resources,
      wildcard: ourSnapshots,
      conditions: ours,
    },
  ];
}
