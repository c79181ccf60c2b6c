import { expect, test } from 'vitest';
import { Resource, resourcesOf, statementsOf, synthesise, missing } from './support/synth.ts';

const { controlPlane: template } = synthesise();
const text = (value: unknown) => JSON.stringify(value);

test('EC2 alone may assume the hosts’ role: another principal could be any host', () => {
  const role = Object.entries(resourcesOf(template, 'AWS::IAM::Role')).find(([id]) =>
    id.startsWith('HostsRole'),
  );
  expect(role?.[1].Properties['AssumeRolePolicyDocument']).toEqual({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } }],
  });
});

test('a host may call hosts’ routes and mount access points, and nothing else', () => {
  const statements = statementsOf(template, 'HostsRole');
  expect(statements.map(({ Sid, Action }) => [Sid, Action])).toEqual([
    ['HostRoutes', ['execute-api:Invoke']],
    [
      'MountAccessPoints',
      [
        'elasticfilesystem:ClientMount',
        'elasticfilesystem:ClientRootAccess',
        'elasticfilesystem:ClientWrite',
      ],
    ],
  ]);
  const [routes, mounts] = statements;
  expect(text(routes?.Resource)).toMatch(/\/\$default\/\*\/v1\/host\/\*"/);
  expect(text(mounts?.Condition)).toContain('elasticfilesystem:AccessPointArn');
});

test('the instance profile carries that role, under a name that people can type', () => {
  expect(missing(template, 'AWS::IAM::InstanceProfile', { InstanceProfileName: 'HivemindHost' })).toBe('');
});

test('hosts-api knows the role by its unique id', () => {
  const functions = Object.values(resourcesOf(template, 'AWS::Lambda::Function'));
  const hostsApi = functions.find(({ Properties }) => Properties['FunctionName'] === 'hivemind-hosts-api');
  const { Variables } = Resource.shape.Properties.parse(hostsApi?.Properties['Environment']);
  expect(text(Variables)).toMatch(/"HOST_ROLE_ID":\{"Fn::GetAtt":\["HostsRole[0-9A-F]+","RoleId"\]\}/);
});

const policies = Object.fromEntries(
  Object.values(resourcesOf(template, 'AWS::IAM::ManagedPolicy')).map(({ Properties }) => [
    Properties['ManagedPolicyName'],
    text(Properties['PolicyDocument']),
  ]),
);

test('people have two policies, neither of which reaches hosts’ routes', () => {
  expect(Object.keys(policies).toSorted()).toEqual(['HivemindAdmin', 'HivemindReadOnly']);
  for (const policy of Object.values(policies)) expect(policy).not.toMatch(/v1\/\*|v1\/host|\$default\/\*"/);
});

test('the read-only policy allows GET alone', () => {
  const methods = [...(policies['HivemindReadOnly'] ?? '').matchAll(/\$default\/([A-Z*]+)\//g)];
  expect(methods.map(([, method]) => method)).toEqual(['GET', 'GET', 'GET']);
});
