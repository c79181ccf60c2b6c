import { createHash } from 'node:crypto';
import type { Call } from '../cloud.ts';
import { AwsError } from '../errors.ts';

interface Asked {
  readonly input: { readonly Encrypted?: boolean | undefined; readonly KmsKeyId?: string | undefined };
  /** The snapshot that the new one comes from. */
  readonly source: { readonly encrypted: boolean; readonly kmsKeyId?: string | undefined } | undefined;
}

export interface Encryption {
  readonly encrypted: boolean;
  readonly keyArn?: string;
  /** KMS will not give this key: EC2 answers 200 and then drops what it made. */
  readonly refused: boolean;
}

/** Whether and with which key a new volume or copy is encrypted, by EBS's rules. */
export function encryptionOf(call: Call, { input, source }: Asked): Encryption {
  const key = input.KmsKeyId === '' ? undefined : input.KmsKeyId;
  if (key !== undefined && input.Encrypted !== true) {
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    );
  }
  if (source?.encrypted && input.Encrypted === false) {
    throw new AwsError(
      'InvalidParameterValue',
      'An encrypted snapshot cannot give an unencrypted volume or copy.',
    );
  }
  if (input.Encrypted !== true && !source?.encrypted) return { encrypted: false, refused: false };
  const keyArn = key === undefined ? (source?.kmsKeyId ?? ownKey(call)) : arnOf(call, key);
  return { encrypted: true, keyArn, refused: !keyArn.startsWith(`arn:aws:kms:${call.region}:`) };
}

/** The account's default key of the Region, aws/ebs. */
function ownKey(call: Call): string {
  const hex = createHash('sha256').update(`aws/ebs ${call.region} ${call.account}`).digest('hex');
  const uuid = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
  return `arn:aws:kms:${call.region}:${call.account}:key/${uuid}`;
}

function arnOf(call: Call, key: string): string {
  if (key.startsWith('arn:')) return key;
  const base = `arn:aws:kms:${call.region}:${call.account}:`;
  return key.startsWith('alias/') ? base + key : `${base}key/${key}`;
}
