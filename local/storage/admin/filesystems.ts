import * as z from 'zod';
import type { Cloud } from '../cloud.ts';
import { makeFileSystem, publishMountTarget } from '../efs/folders.ts';
import { targetsOf } from '../efs/lookup.ts';
import { zonesOf } from '../ec2/catalog.ts';
import type { FileSystem, MountTarget } from '../state/entities.ts';

/** A file system as EFS's own DescribeFileSystems shows it, with its mount targets. */
export const fileSystemSchema = z.looseObject({
  CreationToken: z.string().optional(),
  FileSystemArn: z.string().optional(),
  PerformanceMode: z.string().default('generalPurpose'),
  ThroughputMode: z.string().default('bursting'),
  ProvisionedThroughputInMibps: z.number().optional(),
  Encrypted: z.boolean().default(false),
  KmsKeyId: z.string().optional(),
  Tags: z.array(z.object({ Key: z.string(), Value: z.string() })).default([]),
  MountTargets: z
    .array(
      z.looseObject({
        MountTargetId: z.string(),
        SubnetId: z.string(),
        AvailabilityZoneName: z.string().optional(),
        IpAddress: z.string().default('172.31.0.10'),
        VpcId: z.string().default('vpc-00000000'),
      }),
    )
    .default([]),
});

type Described = z.infer<typeof fileSystemSchema>;

/** Takes over a file system that CloudFormation made elsewhere, under its id. Repeats update it; files stay. */
export async function putFileSystem(cloud: Cloud, id: string, described: Described): Promise<FileSystem> {
  const region = described.FileSystemArn?.split(':')[3] ?? cloud.settings.region;
  const before = cloud.store.get('fileSystems', id);
  await makeFileSystem(cloud, id);
  const fileSystem = cloud.store.put('fileSystems', id, {
    id,
    region,
    tags: described.Tags,
    creationToken: described.CreationToken ?? id,
    creationTime: before?.creationTime ?? new Date().toISOString(),
    state: 'available',
    performanceMode: described.PerformanceMode,
    throughputMode: described.ThroughputMode,
    provisionedMibps: described.ProvisionedThroughputInMibps,
    encrypted: described.Encrypted,
    kmsKeyId: described.KmsKeyId,
    backup: before?.backup ?? false,
    lifecycle: before?.lifecycle ?? [],
    protection: 'ENABLED',
  });
  for (const old of targetsOf(cloud.store, id)) cloud.store.delete('mountTargets', old.id);
  for (const [i, target] of described.MountTargets.entries())
    await putTarget(cloud, fileSystem, { target, i });
  await cloud.store.commit();
  return fileSystem;
}

async function putTarget(
  cloud: Cloud,
  { id, region }: FileSystem,
  { target, i }: { target: Described['MountTargets'][number]; i: number },
): Promise<void> {
  const zones = zonesOf(region);
  const zone = target.AvailabilityZoneName ?? zones[i % zones.length]?.name ?? `${region}a`;
  const record: MountTarget = {
    id: target.MountTargetId,
    region,
    fileSystemId: id,
    subnetId: target.SubnetId,
    zone,
    vpcId: target.VpcId,
    ipAddress: target.IpAddress,
    securityGroups: [],
    state: 'available',
  };
  cloud.store.put('mountTargets', record.id, record);
  await publishMountTarget(cloud, record);
}
