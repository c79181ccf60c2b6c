import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configPath, readConfigFile, type ConfigFile } from '#cli/settings/config-file.ts';
import type { ConnectionFlags } from '#cli/settings/flags.ts';
import { resolveSettings, type Settings } from '#cli/settings/settings.ts';
import { isProductError } from '#shared/model/errors.ts';

const config: ConfigFile = {
  endpoint: 'http://file.test/',
  region: 'eu-west-1',
  namespace: 'file',
  credentials: { accessKeyId: 'AKIAFILE', secretAccessKey: 's' },
};

const resolve = (flags: ConnectionFlags, env: Record<string, string>, file: ConfigFile = {}): Settings =>
  resolveSettings(flags, env, file);

describe('precedence', () => {
  const env = {
    HIVEMIND_ENDPOINT: 'http://env.test',
    HIVEMIND_REGION: 'eu-north-1',
    HIVEMIND_NAMESPACE: 'env',
  };

  it.each([
    ['flag', { endpoint: 'http://flag.test', region: 'us-west-2', namespace: 'flag' }, env],
    ['environment', {}, env],
    ['config file', {}, {}],
  ] as const)('%s counts before what follows', (source, flags, environment) => {
    const { endpoint, region, namespace } = resolve(flags, environment, config);
    expect([endpoint.source, region.source, namespace.source]).toEqual([source, source, source]);
  });

  it('takes an empty variable as none', () => {
    expect(resolve({}, { HIVEMIND_ENDPOINT: '' }, config).endpoint.value).toBe('http://file.test');
  });

  it('falls back to the namespace "default" and to AWS_REGION', () => {
    const { region, namespace } = resolve({ endpoint: 'http://x.test' }, { AWS_REGION: 'ap-south-1' });
    expect([region.value, namespace.value]).toEqual(['ap-south-1', 'default']);
  });

  it('reads the region out of an API Gateway URL', () => {
    const endpoint = 'https://abc123.execute-api.eu-central-1.amazonaws.com';
    expect(resolve({ endpoint }, { AWS_REGION: 'us-east-1' }).region).toEqual({
      value: 'eu-central-1',
      source: 'endpoint',
    });
  });

  it('keeps the region beside the config file’s endpoint against a general AWS_REGION', () => {
    expect(resolve({}, { AWS_REGION: 'us-east-1' }, config).region.value).toBe('eu-west-1');
    expect(resolve({}, { HIVEMIND_REGION: 'us-east-1' }, config).region.value).toBe('us-east-1');
  });
});

describe('credentials', () => {
  const kind = (flags: ConnectionFlags, env: Record<string, string>, file: ConfigFile = config): unknown =>
    resolve({ region: 'us-east-1', ...flags }, env, file).credentials;

  it('are the config file’s for the config file’s endpoint, also when it is named again', () => {
    expect(kind({}, { AWS_PROFILE: 'work' })).toMatchObject({ kind: 'keys', accessKeyId: 'AKIAFILE' });
    expect(kind({ endpoint: 'http://file.test' }, {})).toMatchObject({ kind: 'keys' });
  });

  it('are the AWS SDK’s for any other endpoint', () => {
    expect(kind({ endpoint: 'http://other.test' }, {})).toEqual({ kind: 'chain' });
    expect(kind({}, { HIVEMIND_ENDPOINT: 'http://file.test:81' })).toEqual({ kind: 'chain' });
  });

  it('are a profile’s: of the flag, of AWS_PROFILE, of the config file', () => {
    const { credentials: _none, ...withProfile } = { ...config, profile: 'file' };
    expect(kind({ profile: 'flag' }, { AWS_PROFILE: 'env' })).toEqual({ kind: 'chain', profile: 'flag' });
    expect(kind({}, { AWS_PROFILE: 'env' }, withProfile)).toEqual({ kind: 'chain', profile: 'env' });
    expect(kind({}, {}, withProfile)).toEqual({ kind: 'chain', profile: 'file' });
  });
});

describe('what is missing or wrong is named with all ways to give it', () => {
  const refusal = (flags: ConnectionFlags): unknown => {
    try {
      return resolve(flags, {});
    } catch (error) {
      return error;
    }
  };

  it.each([
    [{}, 'No API endpoint is set.'],
    [{ endpoint: 'here' }, '"here" is not an endpoint.'],
    [{ endpoint: 'ftp://x' }, '"ftp://x" is not an endpoint.'],
    [{ endpoint: 'http://x.test' }, 'No region is set.'],
  ])('%j', (flags, message) => {
    expect(refusal(flags)).toMatchObject({ code: 'InvalidInput', message, exitCode: 2 });
  });
});

describe('the config file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hivemind-config-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;

  function write(content: string, mode = 0o600): Record<string, string> {
    const file = path.join(folder, `config-${++files}.json`);
    writeFileSync(file, content);
    chmodSync(file, mode);
    return { HIVEMIND_CONFIG: file };
  }

  it('is looked for where XDG says', () => {
    expect(configPath({ HOME: '/home/me' })).toBe('/home/me/.config/hivemind/config.json');
    expect(configPath({ HOME: '/home/me', XDG_CONFIG_HOME: '/xdg' })).toBe('/xdg/hivemind/config.json');
    expect(configPath({ HOME: '/home/me', XDG_CONFIG_HOME: '/xdg', HIVEMIND_CONFIG: '/own.json' })).toBe(
      '/own.json',
    );
    expect(configPath({})).toBeUndefined();
  });

  it('may be missing, unless it is named', () => {
    expect(readConfigFile({ HOME: folder })).toEqual({});
    expect(() => readConfigFile({ HIVEMIND_CONFIG: path.join(folder, 'nowhere') })).toThrow(
      /There is no config file/,
    );
  });

  it('is read', () => {
    expect(readConfigFile(write(JSON.stringify(config)))).toEqual(config);
  });

  it.each([0o640, 0o604, 0o644, 0o660])('with keys in it is refused at mode %o', (mode) => {
    expect(() => readConfigFile(write(JSON.stringify(config), mode))).toThrow(
      expect.toSatisfy((error) => isProductError(error, 'AccessDenied')),
    );
  });

  it('without keys may be read by others', () => {
    expect(readConfigFile(write('{"endpoint":"http://x.test"}', 0o644))).toEqual({
      endpoint: 'http://x.test',
    });
  });

  it.each([
    '{',
    '[]',
    '{"endpont":"http://x.test"}',
    '{"endpoint":"x"}',
    '{"credentials":{"accessKeyId":"A"}}',
  ])('is refused when it holds %s', (content) => {
    expect(() => readConfigFile(write(content))).toThrow(
      expect.toSatisfy((error) => isProductError(error, 'InvalidInput')),
    );
  });

  it('is refused when it cannot be read', () => {
    const file = path.join(folder, 'a-folder');
    mkdirSync(file);
    expect(() => readConfigFile({ HIVEMIND_CONFIG: file })).toThrow(/cannot be read/);
  });
});
