import type { ProductError } from '#shared/model/errors.ts';
import { asProductError } from '../render/error.ts';
import { readConfigFile } from '../settings/config-file.ts';
import { credentialsOf } from '../settings/credentials.ts';
import type { ConnectionFlags } from '../settings/flags.ts';
import { resolveSettings, type CredentialSource, type Settings } from '../settings/settings.ts';
import { version } from '../version.ts';
import type { World } from '../world.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import type { Answer, System } from './system.ts';

/** AWS refuses a signature that is older than five minutes. */
const refusedSkew = 300;
const notableSkew = 30;

export async function checkApi(world: World, flags: ConnectionFlags, system: System): Promise<Finding[]> {
  const settings = settingsOrFinding(world, flags);
  if (!('endpoint' in settings)) return [settings];
  const credentials = await checkCredentials(settings.credentials);
  const answer = await system.request({ url: `${settings.endpoint.value}/v1/identity`, timeout: 5000 });
  const both = credentials.status === 'ok' && answer !== undefined;
  return [
    ok('settings', describe(settings)),
    credentials,
    checkEndpoint(settings.endpoint.value, answer),
    ...checkClock(answer, world.now()),
    ...(both ? [await checkIdentity(world, settings)] : []),
  ];
}

function settingsOrFinding(world: World, flags: ConnectionFlags): Settings | Finding {
  try {
    return resolveSettings(flags, world.env, readConfigFile(world.env));
  } catch (error) {
    return failed('settings', asProductError(error));
  }
}

function describe({ endpoint, region, namespace }: Settings): string {
  return Object.entries({ endpoint, region, namespace })
    .map(([name, { value, source }]) => `${name} ${value} (${source})`)
    .join(', ');
}

async function checkCredentials(source: CredentialSource): Promise<Finding> {
  const profile =
    source.kind === 'chain' && source.profile !== undefined ? `, profile ${source.profile}` : '';
  const from = source.kind === 'keys' ? 'config file' : `AWS SDK${profile}`;
  try {
    return ok('credentials', `key ${(await credentialsOf(source)()).accessKeyId} (${from})`);
  } catch (error) {
    return failed('credentials', asProductError(error));
  }
}

/** Asked without a signature: the API must answer, and must refuse. */
function checkEndpoint(endpoint: string, answer: Answer | undefined): Finding {
  if (answer === undefined) {
    return fail(
      'endpoint',
      `${endpoint} does not answer`,
      'check the URL, the network, and that the API is deployed ("npm run up" locally)',
    );
  }
  if (answer.status === 401 || answer.status === 403) return ok('endpoint', `${endpoint} answers`);
  if (answer.status < 300) {
    return fail(
      'endpoint',
      `${endpoint} answers calls that nobody signed`,
      'every route must demand AWS_IAM: deploy the stack again',
    );
  }
  return fail(
    'endpoint',
    `${endpoint} answers ${answer.status} to an unsigned call, not 403`,
    'check that the URL is that of the API, without a path',
  );
}

function checkClock(answer: Answer | undefined, now: number): Finding[] {
  const date = Date.parse(answer?.headers['date'] ?? '');
  if (Number.isNaN(date)) return [];
  const off = Math.round((now - date) / 1000);
  const message =
    off === 0 ? 'agrees with the API' : `${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} the API`;
  const remedy = 'set the clock, for instance with chrony or systemd-timesyncd';
  if (Math.abs(off) >= refusedSkew) return [fail('clock', message, remedy)];
  return [Math.abs(off) >= notableSkew ? warn('clock', message, remedy) : ok('clock', message)];
}

async function checkIdentity(world: World, settings: Settings): Promise<Finding> {
  try {
    const api = await world.connect(settings);
    const { arn, account, version: theirs } = (await api.call('whoAmI')).body;
    const message = `${arn}, account ${account}, API version ${theirs}`;
    if (theirs === version) return ok('identity', message);
    return warn(
      'identity',
      `${message}, CLI version ${version}`,
      'bring the CLI and the API to the same version',
    );
  } catch (error) {
    return failed('identity', asProductError(error));
  }
}

function failed(check: string, { message, details }: ProductError): Finding {
  return fail(
    check,
    message.replace(/\.$/, ''),
    details.hint ?? details.allowed ?? 'see docs/troubleshooting_guide.md',
  );
}
