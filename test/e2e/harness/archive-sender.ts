import { createHash } from 'node:crypto';
import type { ApiClient } from '#shared/client/client.ts';
import { namespace } from './subject.ts';

const partBytes = 8 * 2 ** 20;

interface Sending {
  /** Of the volume that gets the files. */
  readonly name: string;
  readonly key: string;
  /** Which unpacks it. */
  readonly host: string;
  /** In the place of what the volume holds. */
  readonly inPlace?: true;
}

/** An archive of one part that a caller sends to volumes: each step again where it had no answer, as the CLI does. */
export class Archive {
  readonly #api: ApiClient;
  readonly #content: Buffer<ArrayBuffer>;
  /** The entity tag of a part is what S3 said of it; here, as there, the MD5 of what it holds. */
  readonly #etag: string;

  constructor(api: ApiClient, content: Buffer) {
    this.#api = api;
    this.#content = Buffer.from(content);
    this.#etag = `"${createHash('md5').update(content).digest('hex')}"`;
  }

  async send({ name, key, ...how }: Sending): Promise<void> {
    const sizeBytes = this.#content.length;
    const { body: begun } = await this.#api.call('beginImport', {
      params: { namespace, name },
      body: { sizeBytes, partBytes, ...how },
      headers: { 'idempotency-key': key },
    });
    if (begun.state !== 'receiving') return;
    const params = { namespace, upload: begun.id };
    const sha256 = createHash('sha256').update(this.#content);
    const part = { partNumber: 1, sizeBytes, sha256: sha256.copy().digest('base64') };
    await this.#sendPart(params, part);
    await this.#api.call('completeImport', {
      params,
      body: { parts: [{ ...part, etag: this.#etag }], sha256: sha256.digest('hex'), host: how.host },
    });
  }

  /** Refused where the archive is whole already and nobody wrote that down. */
  async #sendPart(params: { namespace: string; upload: string }, part: Part): Promise<void> {
    const { body } = await this.#api.call('signImportParts', { params, body: { parts: [part] } });
    for (const { url, headers } of body.parts) {
      const { status } = await fetch(url, { method: 'PUT', headers, body: this.#content });
      if (status !== 200 && status !== 404) throw new RangeError(`S3 answers ${status}.`);
    }
  }
}

interface Part {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}
