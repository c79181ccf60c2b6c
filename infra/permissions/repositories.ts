import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { endpointSecretPrefix, repositoriesPrefix } from '#shared/model/repository.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import type { Permission } from './permission.ts';

type Storage = Pick<StorageStack, 'archive' | 'dataKey'>;

const named =
  'Repositories are named after their volumes; a session of this role is narrowed to one of them.';

/** As the export that it becomes: a plain reference has another name in the template than here. */
function bucketOf({ archive }: Storage): string {
  return String(Stack.of(archive).exportValue(archive.bucket.bucketArn));
}

function secretsOf(scope: Construct, prefix: string): string {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:secretsmanager:${region}:${account}:secret:${prefix}*`;
}

function listed(storage: Storage): Permission {
  return {
    sid: 'ListRepositories',
    actions: ['s3:ListBucket'],
    resources: [bucketOf(storage)],
    conditions: { StringLike: { 's3:prefix': `${repositoriesPrefix}*` } },
  };
}

/** What a host's session may at most: everything but to remove, and of locks that too. */
export function useRepositories(storage: Storage): Permission[] {
  const objects = `${bucketOf(storage)}/${repositoriesPrefix}`;
  return [
    listed(storage),
    {
      sid: 'UseRepositories',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [`${objects}*`],
      wildcard: named,
    },
    {
      sid: 'RemoveLocks',
      actions: ['s3:DeleteObject'],
      resources: [`${objects}*/locks/*`],
      wildcard: named,
    },
    {
      sid: 'RepositoryKey',
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [storage.dataKey.keyArn],
      conditions: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com' } },
    },
  ];
}

/** What forget and prune need beside. */
export function pruneRepositories(storage: Storage): Permission {
  return {
    sid: 'PruneRepositories',
    actions: ['s3:DeleteObject'],
    resources: [`${bucketOf(storage)}/${repositoriesPrefix}*`],
    wildcard: named,
  };
}

/** Sessions of the two roles, and the passwords that go with them. */
export function grantRepositories(
  scope: Construct,
  { dataKey }: Storage,
  roleArns: readonly string[],
): Permission[] {
  return [
    { sid: 'GrantRepositories', actions: ['sts:AssumeRole'], resources: roleArns },
    {
      sid: 'RepositoryPasswords',
      actions: [
        'secretsmanager:CreateSecret',
        'secretsmanager:GetSecretValue',
        'secretsmanager:PutSecretValue',
        'secretsmanager:TagResource',
      ],
      resources: [secretsOf(scope, `hivemind/${repositoriesPrefix}`)],
      wildcard: 'Passwords are named after the volumes, and Secrets Manager adds letters of its own.',
    },
    {
      sid: 'EndpointKeys',
      actions: ['secretsmanager:GetSecretValue'],
      resources: [secretsOf(scope, endpointSecretPrefix)],
      wildcard: 'People make these secrets; nothing else is under that prefix.',
    },
    {
      sid: 'PasswordKey',
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [dataKey.keyArn],
      conditions: { StringLike: { 'kms:ViaService': 'secretsmanager.*.amazonaws.com' } },
    },
  ];
}

/** To remove a repository that nothing needs any more, with its password. */
export function removeRepositories(scope: Construct, storage: Storage): Permission[] {
  return [
    listed(storage),
    {
      sid: 'RemoveRepositories',
      actions: ['s3:DeleteObject'],
      resources: [`${bucketOf(storage)}/${repositoriesPrefix}*`],
      wildcard: 'Repositories are named after their volumes; nothing else stands under this prefix.',
    },
    {
      sid: 'RemovePasswords',
      actions: ['secretsmanager:DeleteSecret'],
      resources: [secretsOf(scope, `hivemind/${repositoriesPrefix}`)],
      wildcard: 'Passwords are named after the volumes, and Secrets Manager adds letters of its own.',
    },
  ];
}
