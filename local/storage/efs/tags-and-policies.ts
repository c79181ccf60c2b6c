import type {
  BackupPolicyDescription,
  DescribeBackupPolicyRequest,
  DescribeLifecycleConfigurationRequest,
  LifecycleConfigurationDescription,
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  PutBackupPolicyRequest,
  PutLifecycleConfigurationRequest,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-efs';
import type { Call, Cloud } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { AccessPoint, FileSystem, Tag } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { tagsOf } from './file-systems.ts';
import { accessPointOf, fileSystemOf, restPage } from './lookup.ts';

function resourceOf(view: View, call: Call, id: string | undefined): FileSystem | AccessPoint {
  return /(^|\/)fsap-/.test(id ?? '') ? accessPointOf(view, call, id) : fileSystemOf(view, call, id);
}

async function retag(cloud: Cloud, resource: FileSystem | AccessPoint, tags: readonly Tag[]): Promise<void> {
  cloud.store.patch(resource.id.startsWith('fsap-') ? 'accessPoints' : 'fileSystems', resource.id, { tags });
  await cloud.store.commit();
}

export async function tagResource(cloud: Cloud, call: Call, input: TagResourceRequest): Promise<void> {
  const resource = resourceOf(cloud.store, call, input.ResourceId);
  const fresh = tagsOf(input.Tags);
  const kept = resource.tags.filter(({ Key }) => !fresh.some((tag) => tag.Key === Key));
  await retag(cloud, resource, tagsOf([...kept, ...fresh]));
}

export async function untagResource(cloud: Cloud, call: Call, input: UntagResourceRequest): Promise<void> {
  const resource = resourceOf(cloud.store, call, input.ResourceId);
  await retag(
    cloud,
    resource,
    resource.tags.filter(({ Key }) => input.TagKeys?.includes(Key) !== true),
  );
}

export async function listTagsForResource(
  _: Cloud,
  call: Call,
  input: ListTagsForResourceRequest,
): Promise<ListTagsForResourceResponse> {
  const { id, tags } = resourceOf(call.view, call, input.ResourceId);
  const page = restPage({
    items: tags,
    key: ({ Key }) => Key,
    most: input.MaxResults,
    token: input.NextToken,
    query: id,
  });
  return await Promise.resolve({ Tags: page.items, NextToken: page.next });
}

export async function putLifecycleConfiguration(
  cloud: Cloud,
  call: Call,
  input: PutLifecycleConfigurationRequest,
): Promise<LifecycleConfigurationDescription> {
  const { id } = fileSystemOf(cloud.store, call, input.FileSystemId);
  const policies = input.LifecyclePolicies ?? [];
  if (policies.some((policy) => Object.values(policy).length !== 1))
    throw new AwsError('BadRequest', 'Each LifecyclePolicy object must have one transition');
  cloud.store.patch('fileSystems', id, { lifecycle: policies.map((policy) => ({ ...policy })) });
  await cloud.store.commit();
  return { LifecyclePolicies: policies };
}

export async function describeLifecycleConfiguration(
  _: Cloud,
  call: Call,
  input: DescribeLifecycleConfigurationRequest,
): Promise<LifecycleConfigurationDescription> {
  return await Promise.resolve({
    LifecyclePolicies: fileSystemOf(call.view, call, input.FileSystemId).lifecycle.map((policy) => ({
      ...policy,
    })),
  });
}

export async function putBackupPolicy(
  cloud: Cloud,
  call: Call,
  input: PutBackupPolicyRequest,
): Promise<BackupPolicyDescription> {
  const { id } = fileSystemOf(cloud.store, call, input.FileSystemId);
  const backup = input.BackupPolicy?.Status === 'ENABLED';
  cloud.store.patch('fileSystems', id, { backup });
  await cloud.store.commit();
  return { BackupPolicy: { Status: backup ? 'ENABLED' : 'DISABLED' } };
}

export async function describeBackupPolicy(
  _: Cloud,
  call: Call,
  input: DescribeBackupPolicyRequest,
): Promise<BackupPolicyDescription> {
  const { id, backup } = fileSystemOf(call.view, call, input.FileSystemId);
  if (!backup) throw new AwsError('PolicyNotFound', `There is no backup policy for '${id}'`, { status: 404 });
  return await Promise.resolve({ BackupPolicy: { Status: 'ENABLED' } });
}
