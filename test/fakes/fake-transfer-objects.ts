import { hash } from 'node:crypto';
import type { ObjectRef, TransferObjects, UploadRef } from '#shared/aws/archive/transfer-objects.ts';
import type { SentPart, SignedPart, SignedUrl, WantedPart } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';

export type ObjectAction = 'begin' | 'complete' | 'abort' | 'remove';

interface Upload {
  readonly key: string;
  readonly signed: Set<string>;
  readonly parts: Map<number, Buffer>;
}

const sha256 = (content: Buffer): string => hash('sha256', content, 'base64');

/** Its behaviour is written in fake-transfer-objects.md. */
export class FakeTransferObjects implements TransferObjects {
  readonly uploads = new Map<string, Upload>();
  /** By key; the last version. */
  readonly objects = new Map<string, { readonly versionId: string; readonly content: Buffer }>();
  /** Thrown by the next call that changes something. */
  fault: ProductError | undefined;
  /** Stands around each change: it may end the process before it or after it. */
  around: (action: ObjectAction, perform: () => void) => Promise<void> = (_action, perform) =>
    Promise.resolve(perform());
  #count = 0;

  async begin(key: string): Promise<string> {
    this.#fail();
    const uploadId = `upload-${++this.#count}`;
    await this.around('begin', () => {
      this.uploads.set(uploadId, { key, signed: new Set(), parts: new Map() });
    });
    return uploadId;
  }

  signParts({ key, uploadId }: UploadRef, parts: readonly WantedPart[]): Promise<SignedPart[]> {
    const upload = this.uploads.get(uploadId);
    for (const part of parts) upload?.signed.add(`${part.partNumber} ${part.sha256}`);
    return Promise.resolve(
      parts.map(({ partNumber, sha256: sum }) => ({
        partNumber,
        url: `https://archive.invalid/${key}?uploadId=${uploadId}&partNumber=${partNumber}`,
        headers: { 'x-amz-checksum-sha256': sum },
      })),
    );
  }

  /** What a caller does with a part's URL. */
  put({ url }: SignedPart, content: Buffer): SentPart {
    const query = new URL(url).searchParams;
    const partNumber = Number(query.get('partNumber'));
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload?.signed.has(`${partNumber} ${sha256(content)}`) !== true)
      throw new ProductError('StorageFailed', 'The URL is not for this content, or the upload is over.');
    upload.parts.set(partNumber, content);
    return { partNumber, sizeBytes: content.length, sha256: sha256(content), etag: hash('md5', content) };
  }

  async complete({ key, uploadId }: UploadRef, parts: readonly SentPart[]): Promise<ObjectRef> {
    this.#fail();
    await this.around('complete', () => this.#join({ key, uploadId }, parts));
    const found = this.objects.get(key);
    if (found === undefined) throw new ProductError('StorageFailed', 'There is no such upload.');
    return { key, versionId: found.versionId };
  }

  #join({ key, uploadId }: UploadRef, parts: readonly SentPart[]): void {
    const upload = this.uploads.get(uploadId);
    if (upload === undefined) return;
    const content = Buffer.concat(parts.map((part) => contentOf(upload, part)));
    this.uploads.delete(uploadId);
    this.objects.set(key, { versionId: `version-${uploadId}`, content });
  }

  async abort({ uploadId }: UploadRef): Promise<void> {
    this.#fail();
    await this.around('abort', () => void this.uploads.delete(uploadId));
  }

  signGet({ key, versionId = '' }: ObjectRef): Promise<SignedUrl> {
    const url = `https://archive.invalid/${key}?versionId=${versionId}`;
    return Promise.resolve({ url, expiresAt: '2026-11-23T12:15:00.000Z' });
  }

  async remove({ key, versionId }: ObjectRef): Promise<void> {
    this.#fail();
    await this.around('remove', () => {
      if (versionId === undefined || this.objects.get(key)?.versionId === versionId) this.objects.delete(key);
    });
  }

  #fail(): void {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
  }
}

function contentOf({ parts }: Upload, { partNumber, etag }: SentPart): Buffer {
  const content = parts.get(partNumber);
  if (content !== undefined && hash('md5', content) === etag) return content;
  throw new ProductError('TransferFailed', `Part ${partNumber} is not what was sent.`);
}
