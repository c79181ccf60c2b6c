import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DeleteSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ProductError } from '#shared/model/errors.ts';
import type { RepositoryRef } from '#shared/model/repository.ts';
import { doing, unlessCode } from '../ec2/calls.ts';
import { passwordSecret } from './password-secret.ts';
import type { RepositoryKeeper } from './repository-keeper.ts';

/** Milliseconds; S3 removes a thousand objects in less. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true };

/** Repositories in the product's bucket, which keeps what is removed for its 30 days; without the password nobody can read it. */
export class S3RepositoryKeeper implements RepositoryKeeper {
  readonly #bucket: string;
  readonly #s3 = new S3Client({ maxAttempts: 3, requestHandler: timeouts });
  readonly #secrets = new SecretsManagerClient({});

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  async empty(prefix: string): Promise<boolean> {
    const Bucket = this.#bucket;
    const list = new ListObjectsV2Command({ Bucket, Prefix: `${prefix}/`, MaxKeys: 1000 });
    const { Contents = [], IsTruncated = false } = await doing('Looking at a repository', () =>
      this.#s3.send(list),
    );
    const Objects = Contents.flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]));
    if (Objects.length === 0) return false;
    const remove = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } });
    const { Errors = [] } = await doing('Removing a repository', () => this.#s3.send(remove));
    const [first] = Errors;
    if (first === undefined) return IsTruncated;
    throw new ProductError(
      'StorageFailed',
      `S3 did not remove ${first.Key}: ${first.Message ?? first.Code}.`,
    );
  }

  async removePassword(repository: RepositoryRef): Promise<void> {
    const command = new DeleteSecretCommand({
      SecretId: passwordSecret(repository),
      ForceDeleteWithoutRecovery: true,
    });
    const gone = ['ResourceNotFoundException'];
    await unlessCode(gone, 'Removing the password of a repository', () => this.#secrets.send(command));
  }
}
