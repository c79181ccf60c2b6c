import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ProductError } from '#shared/model/errors.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { SentPart, SignedPart, SignedUrl, WantedPart } from '#shared/model/archive-transfer.ts';
import { doing, unlessCode } from '../ec2/calls.ts';
import { awsCode, translateAwsError } from '../ec2/errors.ts';
import { s3ObjectSigner, signedFor, type ObjectSigner } from '../signed-objects.ts';
import type { ObjectRef, TransferObjects, UploadRef } from './transfer-objects.ts';

/** Milliseconds. S3 may take its time to put ten thousand parts together. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 20_000, throwOnRequestTimeout: true };

/** Archives in S3. */
export class S3TransferObjects implements TransferObjects {
  readonly #bucket: string;
  readonly #sign: ObjectSigner;
  readonly #client: S3Client;

  constructor(bucket: string) {
    this.#bucket = bucket;
    this.#sign = s3ObjectSigner(bucket);
    // Without a body there is nothing to add a checksum of: a part's own is signed, see signParts().
    const plain = { requestChecksumCalculation: 'WHEN_REQUIRED', maxAttempts: 3 } as const;
    this.#client = new S3Client({ ...plain, requestHandler: timeouts });
  }

  async begin(key: string): Promise<string> {
    const command = new CreateMultipartUploadCommand({
      ...this.#at(key),
      ContentType: 'application/gzip',
      ChecksumAlgorithm: 'SHA256',
      ChecksumType: 'COMPOSITE',
    });
    const { UploadId } = await doing('Beginning an upload', () => this.#client.send(command));
    if (UploadId !== undefined) return UploadId;
    throw new ProductError('StorageFailed', 'S3 did not name the upload.');
  }

  signParts({ key, uploadId }: UploadRef, parts: readonly WantedPart[]): Promise<SignedPart[]> {
    return mapLimit(parts, 16, async ({ partNumber, sha256 }) => {
      const query = { uploadId, partNumber: String(partNumber) };
      return { partNumber, ...(await this.#sign({ method: 'PUT', key, query, sha256 })) };
    });
  }

  async complete({ key, uploadId }: UploadRef, parts: readonly SentPart[]): Promise<ObjectRef> {
    const Parts = parts
      .toSorted((a, b) => a.partNumber - b.partNumber)
      .map(({ partNumber, etag, sha256 }) => ({
        PartNumber: partNumber,
        ETag: etag,
        ChecksumSHA256: sha256,
      }));
    const command = new CompleteMultipartUploadCommand({
      ...this.#at(key),
      UploadId: uploadId,
      MultipartUpload: { Parts },
    });
    try {
      await this.#client.send(command);
    } catch (error) {
      // Put together already: an answer was lost.
      if (awsCode(error) !== 'NoSuchUpload') throw partsError(error);
    }
    return this.#whole(key, parts);
  }

  async abort({ key, uploadId }: UploadRef): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: uploadId });
    await unlessCode(['NoSuchUpload'], 'Ending an upload', () => this.#client.send(command));
  }

  async signGet({ key, versionId }: ObjectRef): Promise<SignedUrl> {
    const expiresAt = new Date(Date.now() + signedFor * 1000).toISOString();
    return { url: (await this.#sign({ method: 'GET', key, query: { versionId } })).url, expiresAt };
  }

  async remove({ key, versionId }: ObjectRef): Promise<void> {
    const command = new DeleteObjectCommand({ ...this.#at(key), VersionId: versionId });
    await unlessCode(['NoSuchKey', 'NoSuchVersion'], 'Removing an archive', () => this.#client.send(command));
  }

  async #whole(key: string, parts: readonly SentPart[]): Promise<ObjectRef> {
    const head = new HeadObjectCommand(this.#at(key));
    const { ContentLength, VersionId } = await doing('Looking at an archive', () => this.#client.send(head));
    const expected = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (ContentLength === expected) return { key, versionId: VersionId };
    throw new ProductError('TransferFailed', `${ContentLength ?? 0} bytes arrived, not ${expected}.`, {
      value: ContentLength ?? 0,
      allowed: String(expected),
      hint: 'Send it again.',
    });
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }
}

const wrongParts = new Set(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall', 'BadDigest']);

function partsError(cause: unknown): ProductError {
  const code = awsCode(cause) ?? '';
  if (!wrongParts.has(code)) return translateAwsError(cause, 'Putting the parts together');
  return new ProductError('TransferFailed', `S3 did not take the parts: ${code}.`, {
    cause,
    hint: 'Send it again.',
  });
}
