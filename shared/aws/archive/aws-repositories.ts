import { randomBytes } from 'node:crypto';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { ProductError } from '#shared/model/errors.ts';
import type { OtherBucket, RepositoryCredentials, RepositoryRef } from '#shared/model/repository.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { tagList, unlessCode, doing } from '../ec2/calls.ts';
import { awsCode, translateAwsError } from '../ec2/errors.ts';
import { grantPolicy } from './grant-policy.ts';
import type { GrantWish, Repositories, RepositoryAccess, RepositoryUse } from './repositories.ts';
import { passwordSecret } from './password-secret.ts';

export interface AwsRepositoriesOptions {
  readonly bucket: string;
  readonly keyArn: string;
  /** May read and write repositories, and remove nothing but locks. */
  readonly hostRoleArn: string;
  /** May remove as well. */
  readonly keeperRoleArn: string;
  readonly region: string;
  /** @default S3's own in the Region */
  readonly s3Endpoint?: string | undefined;
}

/** A role that is assumed by a role lasts an hour at most; a removal gets the least that AWS gives. */
const seconds: Readonly<Record<RepositoryUse, number>> = { read: 3600, write: 3600, remove: 900 };

/** Grants by STS, passwords in Secrets Manager. */
export class AwsRepositories implements Repositories {
  readonly #options: AwsRepositoriesOptions;
  readonly #sts = new STSClient({});
  readonly #secrets = new SecretsManagerClient({});

  constructor(options: AwsRepositoriesOptions) {
    this.#options = options;
  }

  async grant(wish: GrantWish): Promise<RepositoryAccess> {
    const { prefix, other } = wish.repository;
    if (other !== undefined) return this.#elsewhere(prefix, other);
    const { bucket, region, s3Endpoint = `https://s3.${region}.${domainOf(region)}` } = this.#options;
    const url = `s3:${s3Endpoint.replace(/\/$/, '')}/${bucket}/${prefix}`;
    return { url, region, credentials: await this.#assume(wish) };
  }

  async password(repository: RepositoryRef): Promise<string> {
    return (await this.#read(passwordSecret(repository))) ?? this.#create(repository);
  }

  async renewPassword(repository: RepositoryRef): Promise<string> {
    await this.password(repository);
    const password = newPassword();
    const command = new PutSecretValueCommand({
      SecretId: passwordSecret(repository),
      SecretString: password,
    });
    await doing('Writing the password of a repository', () => this.#secrets.send(command));
    return password;
  }

  async #assume({ repository, use, hostId }: GrantWish): Promise<RepositoryCredentials> {
    const { bucket, keyArn, hostRoleArn, keeperRoleArn, region } = this.#options;
    const bucketArn = `arn:${partitionOf(region)}:s3:::${bucket}`;
    const policy = grantPolicy(use, { bucketArn, prefix: repository.prefix, keyArn });
    const command = new AssumeRoleCommand({
      RoleArn: use === 'remove' ? keeperRoleArn : hostRoleArn,
      RoleSessionName: hostId,
      DurationSeconds: seconds[use],
      Policy: JSON.stringify(policy),
    });
    const { Credentials: given } = await doing('Granting a repository', () => this.#sts.send(command));
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
    if (AccessKeyId === undefined || SecretAccessKey === undefined || Expiration === undefined)
      throw new ProductError('StorageFailed', 'AWS gave no keys for the repository.');
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
      expiresAt: Expiration.toISOString(),
    };
  }

  async #elsewhere(
    prefix: string,
    { endpoint, bucket, region, credentialsSecret }: OtherBucket,
  ): Promise<RepositoryAccess> {
    const text = await this.#read(credentialsSecret);
    const credentials = keysIn(text);
    if (credentials !== undefined) return { url: `s3:${endpoint}/${bucket}/${prefix}`, region, credentials };
    throw new ProductError('InvalidInput', `The secret "${credentialsSecret}" holds no keys.`, {
      value: credentialsSecret,
      allowed: '{"accessKeyId": "…", "secretAccessKey": "…"}',
      hint: 'Write it in Secrets Manager, in the Region of this deployment.',
    });
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      const { SecretString } = await this.#secrets.send(new GetSecretValueCommand({ SecretId: name }));
      return SecretString;
    } catch (error) {
      if (awsCode(error) === 'ResourceNotFoundException') return undefined;
      throw translateAwsError(error, 'Reading a secret');
    }
  }

  /** Two at once: the first one counts. */
  async #create(repository: RepositoryRef): Promise<string> {
    const command = new CreateSecretCommand({
      Name: passwordSecret(repository),
      Description: 'Password of a restic repository: without it the backups in it cannot be read',
      SecretString: newPassword(),
      KmsKeyId: this.#options.keyArn,
      Tags: tagList({ [tagKeys.product]: productTagValue }),
    });
    const answers = ['ResourceExistsException'];
    await unlessCode(answers, 'Making the password of a repository', () => this.#secrets.send(command));
    const password = await this.#read(passwordSecret(repository));
    if (password !== undefined) return password;
    throw new ProductError('Unavailable', 'Secrets Manager does not show the password that it took.');
  }
}

/** 256 bits, without characters that a line could lose. */
function newPassword(): string {
  return randomBytes(32).toString('base64url');
}

function keysIn(text: string | undefined): RepositoryCredentials | undefined {
  try {
    const { accessKeyId, secretAccessKey } = JSON.parse(text ?? '{}') as Record<string, unknown>;
    if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined;
    return { accessKeyId, secretAccessKey };
  } catch {
    return undefined;
  }
}

function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
