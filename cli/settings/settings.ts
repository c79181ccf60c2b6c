import { ProductError } from '#shared/model/errors.ts';
import type { ConfigFile } from './config-file.ts';
import type { ConnectionFlags } from './flags.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where a value came from, for `hivemind doctor`. */
export type Source = 'flag' | 'environment' | 'config file' | 'endpoint' | 'default';

export interface Setting {
  readonly value: string;
  readonly source: Source;
}

/** Whom a call is signed as: keys of the config file, or whatever the AWS SDK finds (for a profile, if named). */
export type CredentialSource =
  | {
      readonly kind: 'keys';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string | undefined;
    }
  | { readonly kind: 'chain'; readonly profile?: string };

/** How to reach the API, resolved: flag before environment before config file. */
export interface Settings {
  readonly endpoint: Setting;
  readonly region: Setting;
  readonly namespace: Setting;
  readonly credentials: CredentialSource;
}

/**
 * @throws ProductError InvalidInput naming the flag, the variable and the field that would give a missing value.
 */
export function resolveSettings(flags: ConnectionFlags, env: Env, config: ConfigFile): Settings {
  const endpoint = resolveEndpoint(flags, env, config);
  return {
    endpoint,
    region: resolveRegion(flags, env, { config, endpoint }),
    namespace: first(
      [flags.namespace, 'flag'],
      [env['HIVEMIND_NAMESPACE'], 'environment'],
      [config.namespace, 'config file'],
    ) ?? { value: 'default', source: 'default' },
    credentials: resolveCredentials(flags, env, { config, endpoint }),
  };
}

function resolveEndpoint(flags: ConnectionFlags, env: Env, config: ConfigFile): Setting {
  const found = first(
    [flags.endpoint, 'flag'],
    [env['HIVEMIND_ENDPOINT'], 'environment'],
    [config.endpoint, 'config file'],
  );
  if (found === undefined) {
    throw new ProductError('InvalidInput', 'No API endpoint is set.', {
      allowed: '--endpoint, HIVEMIND_ENDPOINT, or "endpoint" in the config file',
      hint: 'For the local cloud run "npm run up", which writes the config file; for an account take the stack output ApiEndpoint.',
    });
  }
  if (!URL.canParse(found.value) || !/^https?:$/.test(new URL(found.value).protocol)) {
    throw new ProductError('InvalidInput', `"${found.value}" is not an endpoint.`, {
      value: found.value,
      allowed: 'an http or https URL',
    });
  }
  return { ...found, value: found.value.replace(/\/+$/, '') };
}

interface Resolved {
  readonly config: ConfigFile;
  readonly endpoint: Setting;
}

/** A region beside an endpoint in the config file is that endpoint's: a general AWS_REGION does not move it. */
function resolveRegion(flags: ConnectionFlags, env: Env, { config, endpoint }: Resolved): Setting {
  const beside = endpoint.source === 'config file' ? config.region : undefined;
  const named = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com/.exec(new URL(endpoint.value).hostname)?.[1];
  const found = first(
    [flags.region, 'flag'],
    [env['HIVEMIND_REGION'], 'environment'],
    [beside, 'config file'],
    [named, 'endpoint'],
    [env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'], 'environment'],
    [config.region, 'config file'],
  );
  if (found !== undefined) return found;
  throw new ProductError('InvalidInput', 'No region is set.', {
    allowed: '--region, HIVEMIND_REGION, AWS_REGION, or "region" in the config file',
    hint: `Name the region that ${endpoint.value} is in.`,
  });
}

/** Keys in the config file belong to the endpoint in it: another endpoint never gets them. */
function resolveCredentials(
  flags: ConnectionFlags,
  env: Env,
  { config, endpoint }: Resolved,
): CredentialSource {
  const forThisEndpoint = config.endpoint === undefined || sameOrigin(config.endpoint, endpoint.value);
  if (flags.profile === undefined && config.credentials !== undefined && forThisEndpoint) {
    return { kind: 'keys', ...config.credentials };
  }
  const profile = flags.profile ?? env['AWS_PROFILE'] ?? config.profile;
  return profile === undefined || profile === '' ? { kind: 'chain' } : { kind: 'chain', profile };
}

function sameOrigin(one: string, other: string): boolean {
  return new URL(one).origin === new URL(other).origin;
}

function first(...candidates: readonly (readonly [string | undefined, Source])[]): Setting | undefined {
  const found = candidates.find(([value]) => value !== undefined && value !== '');
  return found?.[0] === undefined ? undefined : { value: found[0], source: found[1] };
}
