import * as z from 'zod';

/** Docker's own rule for volume names (a DNS label would refuse its 64-hex anonymous volumes). Compared exactly. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
const nameAllowed =
  '1 to 128 characters: letters, digits, "_", "." and "-", beginning with a letter or digit';

export const VolumeName = z
  .string()
  .regex(namePattern, { error: nameAllowed })
  .meta({ description: 'Name of a volume, unique in its namespace', example: 'my-data-volume' });

export const Namespace = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
    error: '1 to 63 characters: lower-case letters, digits and "-", beginning with a letter or digit',
  })
  .meta({ description: 'Namespace that volumes and hosts belong to', example: 'default' });

export const defaultNamespace = 'default';

/** EC2 instance id; the id of a host. */
export const HostId = z
  .string()
  .regex(/^i-[0-9a-f]{8,17}$/, { error: 'an EC2 instance id: "i-" and 8 to 17 hexadecimal digits' });

/** Our own ids: a prefix and a ULID; never used again. */
const ulidPattern = '[0-9A-HJKMNP-TV-Z]{26}';
export const VolumeId = z
  .string()
  .regex(new RegExp(`^vol-${ulidPattern}$`), { error: 'a volume id: "vol-" and 26 characters' });
export const BackupId = z
  .string()
  .regex(new RegExp(`^bak-${ulidPattern}$`), { error: 'a backup id: "bak-" and 26 characters' });
export const OperationId = z
  .string()
  .regex(/^op-[0-9A-Za-z]{26,64}$/, { error: 'an operation id: "op-" and 26 to 64 letters and digits' });

export const PolicyId = z
  .string()
  .regex(new RegExp(`^pol-${ulidPattern}$`), { error: 'a policy id: "pol-" and 26 characters' });
/** Of one policy and one moment: its execution is called so, and a second delivery of a tick has the same. */
export const RunId = z.string().regex(new RegExp(`^run-${ulidPattern}-\\d{8}T\\d{9}Z(-drill)?$`), {
  error:
    'a run id: "run-", the policy\'s 26 characters, a time such as 20261130T020000000Z, "-drill" for drills',
});
export const PolicyName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/, {
    error: '1 to 64 characters: letters, digits, "_", "." and "-", beginning with a letter or digit',
  })
  .meta({ description: 'Name of a policy, unique in its namespace', example: 'nightly' });

export const Region = z
  .string()
  .max(32)
  .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, { error: 'an AWS Region such as "eu-west-1"' })
  .meta({ description: 'An AWS Region', example: 'eu-west-1' });

export const AvailabilityZone = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, { error: 'an availability zone such as "us-east-1a"' });
