import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureVenv } from '#local/emulator/venv.ts';
import { checkout } from '../support/synth.ts';
import { fakeBucket, fakeImds, folder, installFolder, packed, run } from './machine.ts';

const endpoint = 'https://abc123.execute-api.eu-west-1.amazonaws.com';

/** A package with a Node.js that is a script: its version is what the installer asks for. */
function unpackedPackage({ nodeVersion = 'v24.21.0' } = {}): string {
  const path = folder();
  for (const file of ['install.sh', 'imds-check.py', 'hivemind-agent.service'])
    copyFileSync(join(installFolder, file), join(path, file));
  writeFileSync(join(path, 'agent.mjs'), 'the agent');
  for (const machine of ['x64', 'arm64'])
    writeFileSync(join(path, `node-linux-${machine}`), `#!/bin/sh\necho ${nodeVersion}\n`, { mode: 0o755 });
  return path;
}

const install = (path: string, ...args: string[]) => run(['bash', join(path, 'install.sh'), ...args]);

test('installs agent, runtime, unit and configuration', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  const { status, stdout } = await install(
    path,
    '--endpoint',
    endpoint,
    '--region',
    'eu-west-1',
    '--root',
    root,
  );
  expect(status).toBe(0);
  expect(stdout).toContain(`installed under ${root}`);
  const current = join(root, 'opt/hivemind/current');
  expect(readFileSync(join(current, 'agent.mjs'), 'utf8')).toBe('the agent');
  expect(statSync(join(current, 'node')).mode & 0o111).toBe(0o111);
  expect(existsSync(join(current, 'imds-check.py'))).toBe(true);
  expect(existsSync(join(root, 'etc/systemd/system/hivemind-agent.service'))).toBe(true);
  expect(JSON.parse(readFileSync(join(root, 'etc/hivemind/agent.json'), 'utf8'))).toEqual({
    endpoint,
    region: 'eu-west-1',
  });
});

test('a repeat changes nothing; a new package swaps the link, and the one before stays to go back to', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  const link = join(root, 'opt/hivemind/current');
  const again = () => install(path, '--endpoint', endpoint, '--root', root);
  await again();
  const [first, made] = [readlinkSync(link), statSync(join(link, 'node')).ctimeMs];
  expect((await again()).status).toBe(0);
  expect([readlinkSync(link), statSync(join(link, 'node')).ctimeMs]).toEqual([first, made]);
  writeFileSync(join(path, 'agent.mjs'), 'a newer agent');
  await again();
  expect(readFileSync(join(link, 'agent.mjs'), 'utf8')).toBe('a newer agent');
  expect(existsSync(join(root, 'opt/hivemind', first))).toBe(true);
});

test('a release that was cut short is made again', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  const current = join(root, 'opt/hivemind/current');
  await install(path, '--endpoint', endpoint, '--root', root);
  await run(['rm', join(current, 'agent.mjs'), join(current, '.complete')]);
  await install(path, '--endpoint', endpoint, '--root', root);
  expect(readFileSync(join(current, 'agent.mjs'), 'utf8')).toBe('the agent');
});

test('what an administrator wrote into the configuration stays', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  const config = join(root, 'etc/hivemind/agent.json');
  mkdirSync(join(root, 'etc/hivemind'), { recursive: true });
  writeFileSync(config, '{"allowedRoots": ["/srv"], "endpoint": "https://old.example"}');
  await install(path, '--endpoint', endpoint, '--root', root);
  expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({ allowedRoots: ['/srv'], endpoint });
});

test('a configuration that is not JSON stops it, and is left as it is', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  const config = join(root, 'etc/hivemind/agent.json');
  mkdirSync(join(root, 'etc/hivemind'), { recursive: true });
  writeFileSync(config, 'endpoint = old');
  const { status, stderr } = await install(path, '--endpoint', endpoint, '--root', root);
  expect(status).toBe(1);
  expect(stderr).toContain('is not JSON');
  expect(readFileSync(config, 'utf8')).toBe('endpoint = old');
});

test('--dry-run says what it would do, and does nothing', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  const { status, stdout } = await install(path, '--endpoint', endpoint, '--root', root, '--dry-run');
  expect(status).toBe(0);
  expect(stdout).toContain('would run: ln -sfn releases/');
  expect(stdout).toContain('nothing was done');
  expect(existsSync(join(root, 'opt'))).toBe(false);
  expect(existsSync(join(root, 'etc'))).toBe(false);
});

test('on a host it enables the service, and restarts it for what changed', async () => {
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: await fakeImds() };
  const args = ['--endpoint', endpoint, '--dry-run'] as const;
  const { status, stdout } = await run(['bash', join(unpackedPackage(), 'install.sh'), ...args], env);
  expect(status).toBe(0);
  expect([...stdout.matchAll(/would run: (systemctl .*)/g)].map(([, command]) => command)).toEqual([
    'systemctl daemon-reload',
    'systemctl enable hivemind-agent.service',
    'systemctl restart hivemind-agent.service',
  ]);
});

test('--uninstall takes the agent away and leaves the configuration', async () => {
  const [path, root] = [unpackedPackage(), folder()];
  await install(path, '--endpoint', endpoint, '--root', root);
  expect((await install(path, '--uninstall', '--root', root)).status).toBe(0);
  expect(existsSync(join(root, 'opt/hivemind'))).toBe(false);
  expect(existsSync(join(root, 'etc/systemd/system/hivemind-agent.service'))).toBe(false);
  expect(existsSync(join(root, 'etc/hivemind/agent.json'))).toBe(true);
});

test.each([
  [[], 2, '--endpoint must be the URL'],
  [['--endpoint', 'abc123'], 2, '--endpoint must be the URL'],
  [['--endpoint'], 2, '--endpoint needs a value'],
  [['--endpoints', endpoint], 2, 'unknown option: --endpoints'],
])('%j is refused', async (args, expected, text) => {
  const { status, stderr } = await install(unpackedPackage(), '--root', folder(), ...args);
  expect(status).toBe(expected);
  expect(stderr).toContain(text);
});

test('an old Node.js is refused', async () => {
  const path = unpackedPackage();
  writeFileSync(join(path, 'old-node'), '#!/bin/sh\necho v20.1.0\n', { mode: 0o755 });
  const old = join(path, 'old-node');
  const { status, stderr } = await install(path, '--endpoint', endpoint, '--root', folder(), '--node', old);
  expect(status).toBe(1);
  expect(stderr).toContain('is not Node.js 24 or later');
});

test('a package that is not whole is refused', async () => {
  const path = unpackedPackage();
  await run(['rm', join(path, 'agent.mjs')]);
  const { status, stderr } = await install(path, '--endpoint', endpoint, '--root', folder());
  expect(status).toBe(1);
  expect(stderr).toContain('has no agent.mjs');
});

test('on a host that is open to containers nothing is installed', async () => {
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: await fakeImds({ HOP_LIMIT: '2' }) };
  const args = ['--endpoint', endpoint, '--dry-run'] as const;
  const refused = await run(['bash', join(unpackedPackage(), 'install.sh'), ...args], env);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('modify-instance-metadata-options');
});

test('fetches the package with the instance’s own credentials, signed, and installs it', async () => {
  const [bucket, root] = [await fakeBucket(packed(unpackedPackage())), folder()];
  const { status, stderr } = await run(['bash', join(installFolder, 'fetch.sh'), '--root', root], {
    AWS_EC2_METADATA_SERVICE_ENDPOINT: await fakeImds(),
    PACKAGE_URL: bucket.url,
    API_ENDPOINT: endpoint,
    REGION: 'eu-west-1',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [request] = bucket.asked;
  expect(request?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE\/\d{8}\/eu-west-1\/s3\/aws4_request.*SignedHeaders=[^,]*x-amz-security-token/,
  );
  expect(request?.headers).toMatchObject({
    'x-amz-security-token': 'session+token==',
    'x-amz-content-sha256': expect.any(String),
  });
  expect(existsSync(join(root, 'opt/hivemind/current/agent.mjs'))).toBe(true);
});

test('shellcheck has nothing to say', async () => {
  const venv = await ensureVenv(
    join(checkout, '.hivemind', 'tools'),
    join(checkout, 'infra', 'requirements.txt'),
  );
  const scripts = ['install.sh', 'fetch.sh'].map((file) => join(installFolder, file));
  const { stdout } = await run([join(venv, 'bin', 'shellcheck'), ...scripts]);
  expect(stdout).toBe('');
});

test('the unit orders the agent before Docker and ECS, and keeps no mount from the host', () => {
  const unit = readFileSync(join(installFolder, 'hivemind-agent.service'), 'utf8');
  expect(unit).toMatch(/^Before=docker\.service ecs\.service$/m);
  expect(unit).toMatch(/^KillMode=process$/m);
  expect(unit).not.toMatch(
    /^(PrivateTmp|PrivateMounts|Protect\w+|ReadOnlyPaths|InaccessiblePaths|MountFlags)=/m,
  );
});
