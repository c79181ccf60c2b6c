import {
  CopyObjectCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  S3Client,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import { backupOfManifest, manifestKey, manifestPrefix } from '#shared/model/drill.ts';
import { doing, unlessCode } from '../ec2/calls.ts';
import type { ManifestObjects, StoredManifest } from './manifest-objects.ts';

/** Milliseconds. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 8_000, throwOnRequestTimeout: true };

/** S3 copies some hundred MiB at once, and its answer is not begun before. */
const whileCopying = 20_000;

/** Manifests in S3. The bucket keeps versions: what is not removed by its version is still there. */
export class S3ManifestObjects implements ManifestObjects {
  readonly #bucket: string;
  readonly #client: S3Client;

  constructor(bucket: string, client?: S3Client) {
    this.#bucket = bucket;
    this.#client = client ?? new S3Client({ maxAttempts: 3, requestHandler: timeouts });
  }

  async remove(backupId: string): Promise<void> {
    const Key = manifestKey(backupId);
    for await (const page of this.#pages(Key))
      for (const { VersionId } of versionsOf(page).filter((version) => version.Key === Key)) {
        const command = new DeleteObjectCommand({ Bucket: this.#bucket, Key, VersionId });
        await unlessCode(['NoSuchVersion'], 'Removing a manifest', () => this.#client.send(command));
      }
  }

  async copy(from: string, to: string): Promise<boolean> {
    const command = new CopyObjectCommand({
      Bucket: this.#bucket,
      CopySource: `${this.#bucket}/${manifestKey(from)}`,
      Key: manifestKey(to),
    });
    const options = { requestTimeout: whileCopying };
    const code = await unlessCode(['NoSuchKey'], 'Copying a manifest', () =>
      this.#client.send(command, options),
    );
    return code === undefined;
  }

  async *list(): AsyncGenerator<StoredManifest[]> {
    for await (const page of this.#pages(manifestPrefix)) {
      const found = new Map<string, Date>();
      for (const { Key = '', LastModified: at = new Date() } of versionsOf(page)) {
        const backupId = backupOfManifest(Key);
        if (backupId !== undefined && at > (found.get(backupId) ?? new Date(0))) found.set(backupId, at);
      }
      yield [...found].map(([backupId, writtenAt]) => ({ backupId, writtenAt }));
    }
  }

  async *#pages(Prefix: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
    let from: From | undefined = {};
    while (from !== undefined) {
      const page: ListObjectVersionsCommandOutput = await this.#page(Prefix, from);
      yield page;
      const { IsTruncated, NextKeyMarker, NextVersionIdMarker } = page;
      const next = { KeyMarker: NextKeyMarker, VersionIdMarker: NextVersionIdMarker };
      from = IsTruncated === true ? next : undefined;
    }
  }

  #page(Prefix: string, from: From): Promise<ListObjectVersionsCommandOutput> {
    const command = new ListObjectVersionsCommand({ Bucket: this.#bucket, Prefix, ...from });
    return doing('Looking at manifests', () => this.#client.send(command));
  }
}

/** Where a page begins. */
interface From {
  readonly KeyMarker?: string | undefined;
  readonly VersionIdMarker?: string | undefined;
}

function versionsOf({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput) {
  return [...Versions, ...DeleteMarkers];
}
