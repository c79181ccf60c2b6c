import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { clientConfig } from '#local/cloud/deploy.ts';
import { transferKey } from '#shared/model/archive-transfer.ts';
import type { TestCloud } from './cloud.ts';

/** Of transfers, by the ids of their operations, sorted. */
export interface LeftInS3 {
  readonly archives: readonly string[];
  /** Unfinished ones that have parts: an upload whose id nobody wrote down has none, and the bucket ends it. */
  readonly uploads: readonly string[];
}

/** What there is of these operations in the archive bucket. */
export async function leftInS3({ file }: TestCloud, operations: readonly string[]): Promise<LeftInS3> {
  const s3 = new S3Client({ ...clientConfig(file), forcePathStyle: true });
  const Bucket = file.stack?.['ArchiveBucketName'] ?? '';
  const ofKey = new Map(operations.map((operation) => [transferKey(operation), operation]));
  const ours = ({ Key = '' }: { Key?: string | undefined }): string[] => {
    const operation = ofKey.get(Key);
    return operation === undefined ? [] : [operation];
  };
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'transfers/' }));
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  const uploads: string[] = [];
  for (const { Key, UploadId } of Uploads) {
    if (!ofKey.has(Key ?? '')) continue;
    const { Parts = [] } = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    if (Parts.length > 0) uploads.push(...ours({ Key }));
  }
  return { archives: Contents.flatMap(ours).toSorted(), uploads: uploads.toSorted() };
}
