import { App } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { readConfig } from '#infra/config.ts';
import { resourcesOf, statementsOf, synthesise } from './support/synth.ts';

const europe = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555';
const keys = { 'eu-west-1': europe };
const vaults = { 'eu-west-1': 'far-vault' };
const { controlPlane: template, storage } = synthesise({
  'hivemind:copyKeys': keys,
  'hivemind:copyVaults': vaults,
});

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

const vaultRole = 'RecoveryRole';
const farVault = /:backup:eu-west-1:.{0,40}:backup-vault:far-vault/;

test('recovery points of ours are copied by the worker, which hands over the role of backups alone', () => {
  const [start, ...others] = doing(worker, 'backup:StartCopyJob');
  expect(others).toEqual([]);
  expect(text(start?.Condition)).toContain('aws:ResourceTag/hivemind:product":"hivemind-volumes');
  expect(doing(worker, 'backup:DescribeCopyJob')).toHaveLength(1);
  expect(text(doing(worker, 'iam:PassRole').map(({ Resource }) => Resource))).toContain('RecoveryRole');
});

test('under that role AWS Backup copies what is ours, between our vaults, under their keys', () => {
  const statements = statementsOf(storage, vaultRole);
  const [from] = statements.filter(({ Action }) => Action.includes('backup:CopyFromBackupVault'));
  expect(text(from?.Condition)).toContain('aws:ResourceTag/hivemind:product":"hivemind-volumes');
  expect(text(from?.Condition)).toMatch(farVault);
  const [into] = statements.filter(({ Action }) => Action.includes('backup:CopyIntoBackupVault'));
  expect(text(into?.Resource)).toMatch(farVault);
  expect(text(into?.Resource)).not.toContain('*');
  const keyed = statements.filter(({ Resource }) => text(Resource).includes(europe));
  expect(keyed.flatMap(({ Action }) => Action)).toContain('kms:GenerateDataKey');
});

test('the sweeper looks into that vault as well', () => {
  const [list] = doing(sweeper, 'backup:ListRecoveryPointsByBackupVault');
  expect(text(list?.Resource)).toMatch(farVault);
});

test('without a vault nothing of it is allowed', () => {
  const { controlPlane, storage: plain } = synthesise({ 'hivemind:copyKeys': keys });
  const actions = [...statementsOf(controlPlane, worker), ...statementsOf(plain, vaultRole)];
  expect(text(actions)).not.toMatch(/backup:\w*Copy/);
});

test('functions are told of the Regions, and the worker of the keys', () => {
  expect(environmentOf('backup-worker')).toMatchObject({
    Variables: { COPY_KEYS: text(keys), COPY_VAULTS: text(vaults) },
  });
  for (const name of ['backups-api', 'policy-run', 'sweeper'])
    expect(environmentOf(name)).toMatchObject({
      Variables: { COPY_REGIONS: '["eu-west-1"]', COPY_VAULTS: text(vaults) },
    });
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

const named = (value: unknown) =>
  readConfig(new App({ context: { 'hivemind:copyKeys': keys, 'hivemind:copyVaults': value } }).node)
    .copyVaults;

test('vaults are an object, or REGION=NAME, each in a Region that has a key', () => {
  expect(named(vaults)).toEqual(vaults);
  expect(named('eu-west-1=far-vault')).toEqual(vaults);
  expect(() => named({ 'eu-west-1': 'no vault!' })).toThrow(/name of a backup vault in eu-west-1/);
  expect(() => named({ 'us-west-2': 'far' })).toThrow(/us-west-2, which hivemind:copyKeys does not/);
});
