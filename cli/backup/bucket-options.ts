import type { Command } from '@commander-js/extra-typings';
import { ProductError } from '#shared/model/errors.ts';
import type { OtherBucket } from '#shared/model/repository.ts';

/** Adds what names a bucket of the caller's own, for archives. */
export function withBucket<
  A extends unknown[],
  O extends Record<string, unknown>,
  G extends Record<string, unknown>,
>(command: Command<A, O, G>) {
  return command
    .option('--s3-endpoint <url>', 'with restic: of another store that speaks S3, such as MinIO')
    .option('--bucket <name>', 'with --s3-endpoint: the bucket')
    .option('--bucket-region <region>', 'with --s3-endpoint: its Region (default: us-east-1)')
    .option('--credentials-secret <name>', 'with --s3-endpoint: secret with its keys, hivemind/endpoints/…');
}

/** What {@link withBucket} adds. */
export interface BucketFlags {
  readonly s3Endpoint?: string | undefined;
  readonly bucket?: string | undefined;
  readonly credentialsSecret?: string | undefined;
  readonly bucketRegion?: string | undefined;
}

/** A bucket of the caller's own, as the API takes it. @throws ProductError InvalidInput when only a part of it is named */
export function bucketOf(flags: BucketFlags): OtherBucket | undefined {
  const { s3Endpoint: endpoint, bucket, credentialsSecret, bucketRegion } = flags;
  const parts = { endpoint, bucket, credentialsSecret };
  const missing = Object.values(parts).filter((part) => part === undefined).length;
  if (missing === 3 && bucketRegion === undefined) return undefined;
  if (endpoint !== undefined && bucket !== undefined && credentialsSecret !== undefined)
    return { endpoint, bucket, credentialsSecret, region: bucketRegion ?? 'us-east-1' };
  throw new ProductError('InvalidInput', 'A bucket of your own needs all of its parts.', {
    allowed: '--s3-endpoint, --bucket and --credentials-secret together; --bucket-region beside them',
    hint: 'Leave all of them out for the archive bucket of this deployment.',
  });
}
