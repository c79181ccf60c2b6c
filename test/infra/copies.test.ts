import { App } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { readConfig } from '#infra/config.ts';
import { resourcesOf, statementsOf, synthesise } from './support/synth.ts';

const europe = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555';
const keys = { 'eu-west-1': europe };
const { controlPlane: template } = synthesise({ 'hivemind:copyKeys': keys });

const worker = 'WorkersBackupWorkerRole';
const sweeper = 'SweeperFunctionRole';
const doing = (role: string, action: string) =>
  statementsOf(template, role).filter(({ Action }) => Action.includes(action));
const text = (value: unknown): string => JSON.stringify(value);

function environmentOf(name: string): unknown {
  const found = Object.values(resourcesOf(template, 'AWS::Lambda::Function')).find(
    ({ Properties }) => Properties['FunctionName'] === `hivemind-${name}`,
  );
  return found?.Properties['Environment'];
}

test('what may be copied is ours, and what is made carries our tag, in the Regions that have a key', () => {
  const [source, target, ...others] = doing(worker, 'ec2:CopySnapshot');
  expect(others).toEqual([]);
  expect(text(source?.Condition)).toContain('aws:ResourceTag/hivemind:product":"hivemind-volumes');
  expect(text(target?.Condition)).toContain('aws:RequestTag/hivemind:product":"hivemind-volumes');
  for (const statement of [source, target]) {
    expect(text(statement?.Resource)).toContain(':ec2:eu-west-1::snapshot/*');
    expect(text(statement?.Resource)).not.toContain(':ec2:*');
  }
});

test('keys are within reach one by one, for EC2 alone', () => {
  const statements = statementsOf(template, worker).filter(({ Action }) =>
    Action.some((action) => action.startsWith('kms:')),
  );
  const reached = statements.filter(({ Resource }) => text(Resource).includes(europe));
  expect(reached.flatMap(({ Action }) => Action).toSorted()).toEqual([
    'kms:CreateGrant',
    'kms:Decrypt',
    'kms:DescribeKey',
    'kms:GenerateDataKeyWithoutPlaintext',
    'kms:ReEncryptFrom',
    'kms:ReEncryptTo',
  ]);
  for (const { Condition } of reached) expect(text(Condition)).toContain('kms:ViaService');
  expect(text(statements.map(({ Resource }) => Resource))).not.toContain('key/*');
});

test('copies are removed by worker and sweeper, where there is a key, and only ours', () => {
  for (const role of [worker, sweeper]) {
    const there = doing(role, 'ec2:DeleteSnapshot').filter(({ Resource }) =>
      text(Resource).includes(':ec2:eu-west-1::snapshot/*'),
    );
    expect(there).toHaveLength(1);
    expect(text(there[0]?.Condition)).toContain('aws:ResourceTag/hivemind:product":"hivemind-volumes');
  }
});

test('functions are told of the Regions, and the worker of the keys', () => {
  expect(environmentOf('backup-worker')).toMatchObject({ Variables: { COPY_KEYS: text(keys) } });
  for (const name of ['backups-api', 'policy-run', 'sweeper'])
    expect(environmentOf(name)).toMatchObject({ Variables: { COPY_REGIONS: '["eu-west-1"]' } });
});

const given = (value: unknown) => readConfig(new App({ context: { 'hivemind:copyKeys': value } }).node);

test('the parameter is an object, or REGION=ARN as the command line has it', () => {
  const asia = europe.replace('eu-west-1', 'ap-southeast-2');
  expect(given(keys).copyKeys).toEqual(keys);
  expect(given(`eu-west-1=${europe}, ap-southeast-2=${asia}`).copyKeys).toEqual({
    ...keys,
    'ap-southeast-2': asia,
  });
});

test.each([
  ['a key of another Region', { 'us-west-2': europe }],
  ['an alias', { 'eu-west-1': 'alias/mine' }],
  ['no Region', { europe }],
])('%s is refused with what is wanted', (_what, value) => {
  expect(() => given(value)).toThrow(/hivemind:…[\s\S]*(KMS key in|Region)/);
});
