import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { requireCloud } from '#local/cloud/cloud-file.ts';
import type { Machine } from '#local/hosts/machine.ts';

/** The local cloud's S3, for who may do everything in it. */
export const rootKeys = { accessKeyId: 'test', secretAccessKey: 'test' } as const;

/** Where a host of the cloud finds S3. */
export function s3AsSeenBy({ cloud, net }: Machine): string {
  return `http://${net.gateway}:${cloud.ports.aws}`;
}

/** MiB of all objects below a prefix. @param bucket default: the product's archive bucket */
export async function objectsIn(
  home: string,
  { prefix, bucket }: { readonly prefix: string; readonly bucket?: string },
): Promise<number> {
  const { ports, region, stack } = requireCloud(home);
  const endpoint = `http://127.0.0.1:${ports.aws}`;
  const s3 = new S3Client({ endpoint, region, credentials: rootKeys, forcePathStyle: true });
  const Bucket = bucket ?? stack?.['ArchiveBucketName'];
  let bytes = 0;
  for (let next: string | undefined, more = true; more;) {
    const command = new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: next });
    const page = await s3.send(command);
    for (const { Size = 0 } of page.Contents ?? []) bytes += Size;
    next = page.NextContinuationToken;
    more = next !== undefined;
  }
  return bytes / 2 ** 20;
}
