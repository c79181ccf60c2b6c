import { expect, test } from 'vitest';
import { lookUp, metadataTree } from '#local/imds/metadata.ts';
import { roleSession } from '#local/imds/role-session.ts';
import type { SessionCredentials } from '#local/imds/role-session.ts';

const machine = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 't3.medium',
  availabilityZone: 'us-east-1b',
  region: 'us-east-1',
  account: '000000000000',
  privateIp: '10.99.0.2',
  startedAt: '2026-11-23T10:00:00Z',
  tags: { Name: 'a', 'hivemind:host-namespace': 'default' },
};

const keys = (expiration: string): SessionCredentials => ({
  Code: 'Success',
  LastUpdated: '2026-11-23T10:00:00Z',
  Type: 'AWS-HMAC',
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'secret',
  Token: 'token',
  Expiration: expiration,
});

const session = roleSession('hivemind-host', {
  assume: async () => keys('2099-01-01T00:00:00Z'),
  stillKnown: () => Promise.resolve(true),
});
const tree = metadataTree(machine, session);

test.each([
  ['meta-data/instance-id', 'i-0123456789abcdef0'],
  ['meta-data/instance-type', 't3.medium'],
  ['meta-data/placement/availability-zone', 'us-east-1b'],
  ['meta-data/placement/region', 'us-east-1'],
  ['meta-data/local-ipv4', '10.99.0.2'],
  ['meta-data/tags/instance/', 'Name\nhivemind:host-namespace'],
  ['meta-data/tags/instance/hivemind:host-namespace', 'default'],
  ['meta-data/iam/security-credentials/', 'hivemind-host'],
  ['meta-data/placement/', 'availability-zone\nregion'],
  ['', 'dynamic/\nmeta-data/'],
])('%s answers as EC2 does', async (path, text) => {
  expect(await lookUp(tree, path)).toBe(text);
});

test('credentials are those of the session, in EC2’s layout', async () => {
  const text = await lookUp(tree, 'meta-data/iam/security-credentials/hivemind-host');
  expect(JSON.parse(text ?? '')).toEqual(keys('2099-01-01T00:00:00Z'));
});

test('the identity document names the machine', async () => {
  const document: unknown = JSON.parse((await lookUp(tree, 'dynamic/instance-identity/document')) ?? '');
  expect(document).toMatchObject({
    instanceId: machine.instanceId,
    region: 'us-east-1',
    accountId: '000000000000',
  });
});

test.each([
  'meta-data/constructor',
  'meta-data/iam/security-credentials/other',
  'user-data',
  'meta-data/instance-id/x',
])('%s is not there', async (path) => {
  expect(await lookUp(tree, path)).toBeUndefined();
});

test('a machine without a role has no iam folder', async () => {
  expect(await lookUp(metadataTree(machine, undefined), 'meta-data/iam/info')).toBeUndefined();
});
