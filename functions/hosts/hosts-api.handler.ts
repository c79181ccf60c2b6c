import { randomUUID } from 'node:crypto';
import type { Repositories } from '#shared/aws/archive/repositories.ts';
import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import type { Snapshots } from '#shared/aws/ec2/block-storage.ts';
import { SqsHostQueues } from '#shared/aws/host-queues.ts';
import { s3SignedObjects } from '#shared/aws/signed-objects.ts';
import { HostsApiEnvironment } from '#shared/model/environment.ts';
import { httpFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { createRouter } from '#shared/runtime/router.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { wirePorts } from '#functions/volumes/wire.ts';
import { hostRoutes } from './host-routes.ts';

const environment = readEnvironment(HostsApiEnvironment);
const { HOST_ROLE_ID: roleId, POLL_SECONDS: pollSeconds, QUEUE_PREFIX } = environment;

/** Answers one request of a host. */
export const answer = createRouter(
  'hosts',
  hostRoutes({
    ...wirePorts(environment),
    queues: new SqsHostQueues(QUEUE_PREFIX),
    snapshots: lazySnapshots(),
    objects: lazyObjects(),
    repositories: lazyRepositories(),
    manifests: s3SignedObjects(environment.ARCHIVE_BUCKET_NAME),
    newUuid: randomUUID,
    hostSettings: { roleId, pollSeconds },
  }),
  logger,
);

/** EC2's client is large, and only a cut needs it. */
function lazySnapshots(): Pick<Snapshots, 'createSnapshot' | 'findSnapshots'> {
  let loaded: Promise<Snapshots> | undefined;
  const load = async (): Promise<Snapshots> => {
    const { Ec2Snapshots } = await import('#shared/aws/ec2/ec2-snapshots.ts');
    return new Ec2Snapshots();
  };
  const snapshots = (): Promise<Snapshots> => (loaded ??= load());
  return {
    createSnapshot: async (wanted) => (await snapshots()).createSnapshot(wanted),
    findSnapshots: async (of) => (await snapshots()).findSnapshots(of),
  };
}

/** S3's client likewise: only archives need it. */
function lazyObjects(): TransferObjects {
  let loaded: Promise<TransferObjects> | undefined;
  const load = async (): Promise<TransferObjects> => {
    const { S3TransferObjects } = await import('#shared/aws/archive/s3-transfer-objects.ts');
    return new S3TransferObjects(environment.ARCHIVE_BUCKET_NAME);
  };
  const objects = (): Promise<TransferObjects> => (loaded ??= load());
  return {
    begin: async (key) => (await objects()).begin(key),
    signParts: async (upload, parts) => (await objects()).signParts(upload, parts),
    complete: async (upload, parts) => (await objects()).complete(upload, parts),
    abort: async (upload) => (await objects()).abort(upload),
    signGet: async (object) => (await objects()).signGet(object),
    remove: async (object) => (await objects()).remove(object),
  };
}

/** As are STS and Secrets Manager: only repositories need them. */
function lazyRepositories(): Repositories {
  let loaded: Promise<Repositories> | undefined;
  const load = async (): Promise<Repositories> => {
    const { AwsRepositories } = await import('#shared/aws/archive/aws-repositories.ts');
    return new AwsRepositories({
      bucket: environment.ARCHIVE_BUCKET_NAME,
      keyArn: environment.DATA_KEY_ARN,
      hostRoleArn: environment.REPOSITORY_ROLE_ARN,
      keeperRoleArn: environment.REPOSITORY_KEEPER_ROLE_ARN,
      region: process.env['AWS_REGION'] ?? 'us-east-1',
      s3Endpoint: process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'],
    });
  };
  const repositories = (): Promise<Repositories> => (loaded ??= load());
  return {
    grant: async (wish) => (await repositories()).grant(wish),
    password: async (of) => (await repositories()).password(of),
    renewPassword: async (of) => (await repositories()).renewPassword(of),
  };
}

export const handler = httpFunction(answer);
