import * as z from 'zod';

/** restic repositories: one for each volume, with a prefix, a password and grants of its own. */

/** Where the repositories of volumes stand in their bucket. */
export const repositoriesPrefix = 'repositories/';
export function repositoryPrefix(volumeId: string): string {
  return `${repositoriesPrefix}${volumeId}`;
}

/** The one name that all snapshots have for their host: so that each is compared with the one before, whichever machine made that. */
export const snapshotHost = 'docker-compose';

/** Under which path a volume's files stand in its snapshots. */
export function snapshotPath(volume: string): string {
  return `/data/${volume}`;
}

/** The tag by which the snapshot of a backup is found again. */
export function backupSnapshotTag(backupId: string): string {
  return `hivemind-backup=${backupId}`;
}

const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const Endpoint = z
  .string()
  .max(512)
  .regex(/^https?:\/\/[a-zA-Z0-9.-]+(:\d{1,5})?$/, {
    error: 'scheme, host and port alone, such as "https://minio.example:9000"',
  });

/** Secrets with keys for a bucket elsewhere are called so: functions may read no others. */
export const endpointSecretPrefix = 'hivemind/endpoints/';

/** Another bucket than the product's own, at any endpoint that speaks S3. */
export const OtherBucket = z
  .strictObject({
    endpoint: Endpoint.meta({
      description: 'Of any store that speaks S3',
      example: 'https://minio.example:9000',
    }),
    bucket: z.string().regex(bucketPattern, { error: 'the name of a bucket' }),
    region: z.string().max(32).default('us-east-1'),
    credentialsSecret: z
      .string()
      .regex(/^hivemind\/endpoints\/[a-zA-Z0-9_.-]{1,64}$/, {
        error: `the name of a secret: "${endpointSecretPrefix}" and up to 64 letters, digits, "_", "." and "-"`,
      })
      .meta({
        description:
          'Secret in Secrets Manager with {"accessKeyId", "secretAccessKey"}; its name begins with hivemind/endpoints/',
      }),
  })
  .meta({ id: 'OtherBucket' });
export type OtherBucket = z.infer<typeof OtherBucket>;

/** A volume's repository: in the product's bucket unless `other` says where else. */
export const RepositoryRef = z.strictObject({ prefix: z.string(), other: OtherBucket.optional() });
export type RepositoryRef = z.infer<typeof RepositoryRef>;

/** Names a repository among all, as its password is called: beside the product's bucket there may be others of a volume. */
export function repositoryName({ prefix, other }: RepositoryRef): string {
  if (other === undefined) return prefix;
  const host = other.endpoint.replace(/^https?:\/\//, '').replace(':', '_');
  return `${prefix}/${host}/${other.bucket}`;
}

/** Keys for one repository; without `expiresAt` they do not end. */
export const RepositoryCredentials = z.strictObject({
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string().optional(),
  expiresAt: z.iso.datetime().optional(),
});
export type RepositoryCredentials = z.infer<typeof RepositoryCredentials>;

/** What a host gets for a task on a repository. Neither password nor keys are ever written down or logged. */
export const RepositoryGrant = z
  .strictObject({
    /** restic's own way to name it: `s3:ENDPOINT/BUCKET/PREFIX`. */
    url: z.string(),
    region: z.string(),
    password: z.string(),
    credentials: RepositoryCredentials,
  })
  .meta({ id: 'RepositoryGrant' });
export type RepositoryGrant = z.infer<typeof RepositoryGrant>;

/** What a snapshot holds, and what it took. */
export const FilesReport = z
  .strictObject({
    snapshotId: z.string().regex(/^[0-9a-f]{64}$/, { error: 'a snapshot id of restic' }),
    /** When restic began to read. */
    at: z.iso.datetime(),
    files: z.int().min(0),
    sizeBytes: z.int().min(0),
    /** What the repository grew by; unknown when an agent that was killed had made it. */
    addedBytes: z.int().min(0).optional(),
    /** What could not be read, or changed meanwhile. */
    notes: z.array(z.string().max(512)).max(100),
  })
  .meta({ id: 'FilesReport' });
export type FilesReport = z.infer<typeof FilesReport>;
