import type { Credentials } from '#shared/client/types.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { CredentialSource } from './settings.ts';

/** Gives the keys that calls are signed with; the AWS SDK's chain is loaded only when it is asked. */
export function credentialsOf(source: CredentialSource): () => Promise<Credentials> {
  if (source.kind === 'keys') {
    const { accessKeyId, secretAccessKey, sessionToken } = source;
    return () =>
      Promise.resolve({
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      });
  }
  let chain: Promise<() => Promise<Credentials>> | undefined;
  return async () => {
    chain ??= defaultChain(source.profile);
    return askChain(await chain, source.profile);
  };
}

async function defaultChain(profile: string | undefined): Promise<() => Promise<Credentials>> {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  return fromNodeProviderChain(profile === undefined ? {} : { profile });
}

async function askChain(
  chain: () => Promise<Credentials>,
  profile: string | undefined,
): Promise<Credentials> {
  try {
    return await chain();
  } catch (cause) {
    const whose = profile === undefined ? '' : ` for profile "${profile}"`;
    throw new ProductError('AccessDenied', `No AWS credentials${whose}: ${messageOf(cause)}.`, {
      cause,
      allowed:
        'credentials in the config file, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or an instance role',
      hint: profile === undefined ? 'Log in, or name a profile with --profile.' : 'Check ~/.aws/config.',
    });
  }
}

function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/[.\s]+$/, '');
}
