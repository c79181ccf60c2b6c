import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  STSClient,
  STSServiceException,
} from '@aws-sdk/client-sts';
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

/** Whether the cloud still knows a session: an emulator that has lost its state has lost its sessions, too. */
export type StillKnown = (session: SessionCredentials) => Promise<boolean>;

export function sessionKnown({ sts, instance: { region } }: ImdsConfig): StillKnown {
  return async ({ AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken }) => {
    const credentials = { accessKeyId, secretAccessKey, sessionToken };
    try {
      await new STSClient({ endpoint: sts.endpoint, region, credentials }).send(
        new GetCallerIdentityCommand({}),
      );
      return true;
    } catch (error) {
      const refused = error instanceof STSServiceException ? error.$metadata.httpStatusCode : undefined;
      return refused !== 401 && refused !== 403;
    }
  };
}

interface SessionPorts {
  readonly assume: Assume;
  readonly stillKnown: StillKnown;
  readonly now?: () => number;
}

/**
 * Keeps one session for all callers, as long as the cloud knows it; concurrent callers share one AssumeRole. While the
 * cloud is away, an old session serves until it ends.
 */
export function roleSession(
  roleName: string,
  { assume, stillKnown, now = Date.now }: SessionPorts,
): RoleSession {
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
      if (held && leftMs() > RENEW_BEFORE_MS && (await stillKnown(held))) return held;
      try {
        return await renew();
      } catch (error) {
        if (held && leftMs() > 0) return held;
        throw error;
      }
    },
  };
}
