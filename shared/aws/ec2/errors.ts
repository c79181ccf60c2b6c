import { ProductError, type ErrorCode } from '#shared/model/errors.ts';

/** What an AWS storage call's error code means to us. AWS's words stop at the adapters. */
interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint?: string;
}

const throttled: Meaning = { code: 'Throttled', says: 'AWS takes no more requests right now.' };
const unavailable: Meaning = { code: 'Unavailable', says: 'AWS does not answer.' };
const denied: Meaning = {
  code: 'AccessDenied',
  says: 'AWS does not let the control plane do this.',
  hint: "Compare the function's role with that of the deployed release.",
};
const key: Meaning = {
  code: 'StorageFailed',
  says: "The volume's encryption key cannot be used.",
  hint: "Enable the product's KMS key and let the control plane use it, then create the volume again.",
};
const crowded: Meaning = {
  code: 'Throttled',
  says: 'AWS makes as many copies into this Region as it does at once.',
};
const limit = (what: string): Meaning => ({
  code: 'LimitExceeded',
  says: `The account's limit of ${what} is reached.`,
  hint: 'Ask AWS Service Quotas for more, or free some.',
});

/** One table for EC2, EFS and AWS Backup. Sources: EC2 API reference, error codes; API references of the others, errors of each action. */
const meanings: Readonly<Record<string, Meaning>> = {
  RequestLimitExceeded: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  EC2ThrottledException: throttled,
  SnapshotCreationPerVolumeRateExceeded: throttled,
  ConcurrentSnapshotLimitExceeded: throttled,
  // 20 copies of snapshots at once into one Region. Source: EBS user guide, copy a snapshot.
  ResourceLimitExceeded: crowded,
  InternalError: unavailable,
  InternalFailure: unavailable,
  InternalServerError: unavailable,
  ServiceUnavailable: unavailable,
  Unavailable: unavailable,
  ServiceUnavailableException: unavailable,
  InsufficientCapacity: unavailable,
  InsufficientVolumeCapacity: unavailable,
  UnauthorizedOperation: denied,
  AccessDenied: denied,
  AccessDeniedException: denied,
  AuthFailure: denied,
  'InvalidKmsKey.NotFound': key,
  'InvalidKmsKey.InvalidState': key,
  'InvalidKmsKey.Unusable': key,
  'KMS.InvalidStateException': key,
  KmsKeyNotAccessible: key,
  VolumeLimitExceeded: limit('volumes'),
  MaxIOPSLimitExceeded: limit('provisioned IOPS'),
  MaxStorageLimitExceeded: limit('volume storage'),
  SnapshotLimitExceeded: limit('snapshots'),
  AccessPointLimitExceeded: limit('access points of this file system'),
  LimitExceededException: limit('backup jobs'),
  AttachmentLimitExceeded: {
    code: 'LimitExceeded',
    says: 'The host has no free slot for another volume.',
    hint: 'Detach an idle volume from it, or use another host.',
  },
  'InvalidInstanceID.NotFound': { code: 'HostNotFound', says: 'EC2 does not know the host.' },
  IncorrectInstanceState: { code: 'StorageFailed', says: 'The host is not running.' },
  'InvalidSnapshot.NotFound': { code: 'StorageFailed', says: 'EC2 does not know the snapshot.' },
  'InvalidVolume.NotFound': { code: 'StorageFailed', says: 'EC2 does not know the volume.' },
  'InvalidVolume.ZoneMismatch': {
    code: 'StorageFailed',
    says: 'The volume and the host are in different availability zones.',
  },
  'InvalidZone.NotFound': { code: 'InvalidInput', says: 'There is no such availability zone here.' },
  IdempotentParameterMismatch: {
    code: 'StorageFailed',
    says: 'AWS has seen the same request with other parameters.',
    hint: 'Delete the volume record and create it under a new name.',
  },
  FileSystemNotFound: { code: 'StorageFailed', says: 'The shared file system is gone.' },
  IncorrectFileSystemLifeCycleState: { code: 'Unavailable', says: 'The shared file system is not ready.' },
};

interface AwsError extends Error {
  readonly Code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The AWS error code; undefined for what is not an answer of AWS: a time-out, a reset connection. */
export function awsCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { $metadata, Code, name } = error as AwsError;
  return $metadata?.httpStatusCode === undefined ? undefined : (Code ?? name);
}

/** Turns what an AWS client threw into our own error. No answer at all is `Unavailable`: it may have happened. */
export function translateAwsError(cause: unknown, doing: string): ProductError {
  if (cause instanceof ProductError) return cause;
  const code = awsCode(cause);
  const status = (cause as Partial<AwsError>).$metadata?.httpStatusCode ?? 0;
  const known = code === undefined ? unavailable : meanings[code];
  const { code: ours, says, hint } = known ?? (status >= 500 ? unavailable : unknownRefusal(cause));
  return new ProductError(ours, `${doing}: ${says}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
    ...(code === undefined ? {} : { about: { awsCode: code } }),
  });
}

function unknownRefusal(cause: unknown): Meaning {
  return { code: 'StorageFailed', says: `AWS refused it: ${cause instanceof Error ? cause.message : ''}` };
}
