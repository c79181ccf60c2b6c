import { Stack } from 'aws-cdk-lib';
import { transferPrefix } from '#shared/model/archive-transfer.ts';
import { manifestPrefix } from '#shared/model/drill.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import type { Permission } from './permission.ts';

type Storage = Pick<StorageStack, 'archive' | 'dataKey'>;

/** As the export that it becomes: a plain reference has another name in the template than here. */
function bucketOf({ archive }: Storage): string {
  return String(Stack.of(archive).exportValue(archive.bucket.bucketArn));
}

function objectsOf(storage: Storage, prefix: string): string {
  return `${bucketOf(storage)}/${prefix}*`;
}

function transfers(storage: Storage) {
  return {
    resources: [objectsOf(storage, transferPrefix)],
    wildcard:
      'Archives on their way are named after their operations; nothing else stands under this prefix.',
  };
}

/** S3 uses the caller's rights on the bucket's key, and the signer's for what a presigned URL asks. */
function underKey({ dataKey }: Storage): Permission {
  return {
    sid: 'ArchiveKey',
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: [dataKey.keyArn],
    conditions: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com' } },
  };
}

/** To have archives sent and fetched, by URLs that this role signs. */
export function passTransfers(storage: Storage): Permission[] {
  const actions = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:GetObject', 's3:GetObjectVersion'];
  return [{ sid: 'PassArchives', actions, ...transfers(storage) }, underKey(storage)];
}

/** To remove archives that have arrived. */
export function removeTransfers(storage: Storage): Permission {
  const actions = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
  return { sid: 'RemoveArchives', actions, ...transfers(storage) };
}

/** To end what did not come to its end, and to remove what has. */
export function clearTransfers(storage: Storage): Permission {
  const actions = ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:DeleteObjectVersion'];
  return { sid: 'ClearArchives', actions, ...transfers(storage) };
}

/** Manifests of backups: what is signed for a host to write or read is no more than this. */
export function onManifests(storage: Storage): Permission {
  return {
    sid: 'Manifests',
    actions: ['s3:PutObject', 's3:GetObject'],
    resources: [objectsOf(storage, manifestPrefix)],
    wildcard: 'Manifests come and go; nothing else is under that prefix.',
  };
}

/** To give copies of backups a manifest of their own. */
export function copyManifests(storage: Storage): Permission[] {
  return [onManifests(storage), underKey(storage)];
}

/** To remove manifests of removed backups, in all their versions. */
export function removeManifests(storage: Storage): Permission[] {
  return [
    {
      sid: 'SeeManifests',
      actions: ['s3:ListBucketVersions'],
      resources: [bucketOf(storage)],
      conditions: { StringLike: { 's3:prefix': `${manifestPrefix}*` } },
    },
    {
      sid: 'RemoveManifests',
      actions: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
      resources: [objectsOf(storage, manifestPrefix)],
      wildcard: 'Manifests come and go; nothing else is under that prefix.',
    },
  ];
}
