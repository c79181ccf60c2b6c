import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { HostError } from '#local/hosts/errors.ts';
import type { ImdsConfig } from './config.ts';

/** What `iam/security-credentials/ROLE` answers; times in ISO 8601 without fractions, as EC2 writes them. */
export interface SessionCredentials {
  readonly Code: 'Success';
  readonly LastUpdated: string;
  readonly Type: 'AWS-HMAC';
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: string;
}

/** The session of a machine's role, renewed before it ends. */
export interface RoleSession {
  readonly roleName: string;
  credentials(): Promise<SessionCredentials>;
}

/** Assumes the role once. The session's name is the instance id, as EC2 sets it: the API tells hosts apart by it. */
export type Assume = () => Promise<SessionCredentials>;

/** EC2 shows new keys at least five minutes before the old ones end. */
const RENEW_BEFORE_MS = 5 * 60_000;

const iso = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

/**
 * Through the emulator's root-like key: the role trusts ec2.amazonaws.com alone, and in the local cloud this endpoint
 * is EC2. Nothing else of a host ever sees that key.
 */
export function assumeRole(config: ImdsConfig): Assume {
  const client = new STSClient({
    endpoint: config.sts.endpoint,
    region: config.instance.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  return async () => {
    const { Credentials: given } = await client.send(
      new AssumeRoleCommand({
        RoleArn: config.role?.arn,
        RoleSessionName: config.instance.instanceId,
        DurationSeconds: config.sts.durationSeconds,
      }),
    );
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
      throw new HostError('CommandFailed', 'AssumeRole answered without credentials.');
    }
    return {
      Code: 'Success',
      LastUpdated: iso(new Date()),
      Type: 'AWS-HMAC',
      AccessKeyId,
      SecretAccessKey,
      Token: SessionToken,
      Expiration: iso(Expiration),
    };
  };
}

/** Keeps one session for all callers; concurrent callers share one AssumeRole. While the cloud is away, an old session serves until it ends. */
export function roleSession(roleName: string, assume: Assume, now: () => number = Date.now): RoleSession {
  let held: SessionCredentials | undefined;
  let renewal: Promise<SessionCredentials> | undefined;
  const leftMs = (): number => (held ? Date.parse(held.Expiration) - now() : 0);

  const renew = async (): Promise<SessionCredentials> => {
    renewal ??= assume().finally(() => {
      renewal = undefined;
    });
    held = await renewal;
    return held;
  };

  return {
    roleName,
    credentials: async () => {
      if (held && leftMs() > RENEW_BEFORE_MS) return held;
      try {
        return await renew();
      } catch (error) {
        if (held && leftMs() > 0) return held;
        throw error;
      }
    },
  };
}
