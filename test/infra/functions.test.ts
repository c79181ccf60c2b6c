import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { functions } from '#shared/model/environment.ts';
import type { FunctionName } from '#shared/model/environment.ts';
import type { ProductFunctionProps } from '#infra/constructs/product-function.ts';
import { allResources, checkout, resourcesOf, statementsOf, synthesise } from './support/synth.ts';

const { controlPlane: template, storage } = synthesise();
const deployed = Object.fromEntries(
  Object.values(resourcesOf(template, 'AWS::Lambda::Function')).map(({ Properties }) => [
    String(Properties['FunctionName']),
    Properties,
  ]),
);
const names = Object.keys(functions) as FunctionName[];

/** Where each function's role is in the stack. */
const roles: Readonly<Record<FunctionName, string>> = {
  'volumes-api': 'FunctionsVolumesApiRole',
  'hosts-api': 'FunctionsHostsApiRole',
  'backups-api': 'FunctionsBackupsApiRole',
  'backup-worker': 'WorkersBackupWorkerRole',
  'ebs-worker': 'WorkersEbsWorkerRole',
  'efs-worker': 'WorkersEfsWorkerRole',
  'policy-tick': 'PoliciesTickRole',
  'policy-run': 'PoliciesRunStepRole',
  'watch-backups': 'PoliciesWatchRole',
  sweeper: 'SweeperFunctionRole',
  'host-events': 'HostEventsFunctionRole',
};

test('each function of the model is deployed exactly once, and no other', () => {
  expect(Object.keys(deployed).toSorted()).toEqual(names.map((name) => `hivemind-${name}`).toSorted());
});

test('each handler file is the entry of exactly one function', () => {
  const handlers = readdirSync(join(checkout, 'functions'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.handler.ts'))
    .map((file) => `functions/${file}`);
  expect(handlers.toSorted()).toEqual(
    Object.values(functions)
      .map(({ entry }) => entry)
      .toSorted(),
  );
});

test.each(names)('%s: Node 24 on ARM64, traced, bounded, with a log group that forgets', (name) => {
  const properties = deployed[`hivemind-${name}`];
  expect(properties).toMatchObject({
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    TracingConfig: { Mode: 'Active' },
    LoggingConfig: { LogFormat: 'JSON' },
  });
  expect(Number(properties?.['Timeout'])).toBeLessThanOrEqual(60);
  const group = JSON.stringify(properties?.['LoggingConfig']);
  const groups = Object.entries(resourcesOf(template, 'AWS::Logs::LogGroup'));
  const own = groups.filter(([id]) => group.includes(`"${id}"`));
  expect(own.map(([, { Properties }]) => Properties['RetentionInDays'])).toEqual([30]);
});

test.each(names)('%s has exactly the environment of its schema', (name) => {
  const environment = deployed[`hivemind-${name}`]?.['Environment'] as { Variables: Record<string, string> };
  expect(Object.keys(environment.Variables).toSorted()).toEqual(
    Object.keys(functions[name].environment.shape).toSorted(),
  );
  expect(environment.Variables).toMatchObject({ AWS_SDK_UA_APP_ID: name, POWERTOOLS_SERVICE_NAME: name });
});

test('a variable that the schema has and nobody gives does not compile', () => {
  const given = { TABLE_NAME: 't', QUEUE_PREFIX: 'q', UNDO_WINDOW_HOURS: '24' };
  // @ts-expect-error -- FILE_SYSTEM_ID is missing: tsc fails here should that ever be accepted
  const environment: ProductFunctionProps<'efs-worker'>['environment'] = given;
  expect(functions['efs-worker'].environment.safeParse(environment).success).toBe(false);
});

test('every log group forgets after some time', () => {
  for (const [id, { Properties }] of Object.entries(resourcesOf(template, 'AWS::Logs::LogGroup')))
    expect({ id, days: Properties['RetentionInDays'] }).toEqual({ id, days: expect.any(Number) });
});

test('no two functions share a role, and no role has a policy that we did not write', () => {
  const used = Object.values(deployed).map(({ Role }) => JSON.stringify(Role));
  expect(new Set(used).size).toBe(names.length);
  for (const [id, { Properties }] of Object.entries(resourcesOf(template, 'AWS::IAM::Role')))
    expect({ id, managed: Properties['ManagedPolicyArns'] }).toEqual({ id, managed: undefined });
});

const table = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];
const always = [
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'xray:PutTelemetryRecords',
  'xray:PutTraceSegments',
];
/** What a function may do with the queue for what it failed at. */
const deadLetters = ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'];
/** Policies' schedules and alarms. */
const keeping = [
  'scheduler:CreateSchedule',
  'scheduler:UpdateSchedule',
  'scheduler:DeleteSchedule',
  'iam:PassRole',
  'cloudwatch:PutMetricAlarm',
  'cloudwatch:TagResource',
  'cloudwatch:DeleteAlarms',
];
/** What each function may do, beside its table, logs and traces: a change here is a change of the product's security. */
const own: Readonly<Record<FunctionName, readonly string[]>> = {
  'volumes-api': ['states:StartExecution', 'sqs:SendMessage', 'ec2:DescribeInstances'],
  'hosts-api': [
    'states:StartExecution',
    'sqs:SendMessage',
    'sqs:CreateQueue',
    'sqs:SetQueueAttributes',
    'sqs:TagQueue',
    'sqs:GetQueueUrl',
    'sqs:GetQueueAttributes',
    'ec2:DescribeInstances',
    'ec2:DescribeInstanceTypes',
    'ec2:DescribeSnapshots',
    'ec2:CreateSnapshot',
    'ec2:CreateTags',
    's3:PutObject',
    's3:AbortMultipartUpload',
    's3:GetObject',
    's3:GetObjectVersion',
    'sts:AssumeRole',
    'secretsmanager:CreateSecret',
    'secretsmanager:GetSecretValue',
    'secretsmanager:PutSecretValue',
    'secretsmanager:TagResource',
  ],
  'backups-api': [
    'states:StartExecution',
    'sqs:SendMessage',
    'ec2:DescribeInstances',
    's3:PutObject',
    's3:AbortMultipartUpload',
    's3:GetObject',
    's3:GetObjectVersion',
    's3:DeleteObject',
    's3:DeleteObjectVersion',
    ...keeping,
  ],
  'policy-tick': ['states:StartExecution', ...deadLetters],
  'policy-run': ['states:StartExecution', 'sqs:SendMessage', 'ec2:DescribeInstances'],
  'watch-backups': [
    ...keeping,
    'scheduler:ListSchedules',
    'cloudwatch:DescribeAlarms',
    'states:StartExecution',
    ...deadLetters,
  ],
  'backup-worker': [
    'sqs:SendMessage',
    'ec2:DescribeSnapshots',
    'ec2:DescribeInstances',
    'ec2:CreateSnapshot',
    'ec2:DeleteSnapshot',
    'ec2:CreateTags',
    'iam:PassRole',
    'backup:StartBackupJob',
    'backup:TagResource',
    'backup:DescribeBackupJob',
    'backup:DescribeRecoveryPoint',
    'backup:DeleteRecoveryPoint',
    's3:ListBucketVersions',
    's3:AbortMultipartUpload',
    's3:PutObject',
    's3:GetObject',
    's3:DeleteObject',
    's3:DeleteObjectVersion',
    's3:ListBucket',
    'secretsmanager:DeleteSecret',
  ],
  'ebs-worker': [
    'sqs:SendMessage',
    'ec2:DescribeVolumes',
    'ec2:DescribeSnapshots',
    'ec2:DescribeInstances',
    'ec2:CreateVolume',
    'ec2:AttachVolume',
    'ec2:DetachVolume',
    'ec2:DeleteVolume',
    'ec2:CreateSnapshot',
    'ec2:DeleteSnapshot',
    'ec2:CreateTags',
    'kms:CreateGrant',
    's3:AbortMultipartUpload',
    's3:DeleteObject',
    's3:DeleteObjectVersion',
  ],
  'efs-worker': [
    'sqs:SendMessage',
    'elasticfilesystem:CreateAccessPoint',
    'elasticfilesystem:TagResource',
    'elasticfilesystem:DescribeAccessPoints',
    'elasticfilesystem:DeleteAccessPoint',
    'iam:PassRole',
    'backup:StartRestoreJob',
    'backup:DescribeRestoreJob',
    's3:AbortMultipartUpload',
    's3:DeleteObject',
    's3:DeleteObjectVersion',
  ],
  // What it may do with a queue comes with its own dead letters.
  sweeper: [
    's3:ListBucketVersions',
    's3:DeleteObject',
    's3:DeleteObjectVersion',
    'ec2:DeleteSnapshot',
    'states:StartExecution',
    'states:DescribeExecution',
    'sqs:SendMessage',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:DeleteQueue',
    'ec2:DescribeVolumes',
    'ec2:DescribeSnapshots',
    'elasticfilesystem:DescribeAccessPoints',
    'backup:ListRecoveryPointsByBackupVault',
    'backup:ListTags',
    'backup:DeleteRecoveryPoint',
  ],
  'host-events': [
    'sqs:SendMessage',
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:ChangeMessageVisibility',
    'sqs:GetQueueUrl',
    'sqs:GetQueueAttributes',
  ],
};

test.each(names)('%s may do exactly what it needs', (name) => {
  const actions = new Set(statementsOf(template, roles[name]).flatMap(({ Action }) => Action));
  expect([...actions].toSorted()).toEqual([...new Set([...table, ...always, ...own[name]])].toSorted());
});

test('nobody scans a table, and no statement allows a whole service', () => {
  const all = [...Object.values(allResources(template)), ...Object.values(allResources(storage))];
  const policies = all.filter(({ Type }) => /^AWS::IAM::(Policy|ManagedPolicy)$/.test(Type));
  const text = JSON.stringify(policies);
  expect(text).not.toContain('dynamodb:Scan');
  expect(text).not.toMatch(/"[a-z0-9-]+:\*"/);
});

test('what changes EC2 is bound to our tag', () => {
  const statements = statementsOf(template, roles['ebs-worker']);
  const unbound = statements.filter(
    ({ Action, Condition }) =>
      Condition === undefined && Action.some((action) => /^ec2:(?!Describe)/.test(action)),
  );
  expect(unbound.map(({ Sid, Action }) => [Sid, Action])).toEqual([
    ['ToInstances', ['ec2:AttachVolume', 'ec2:DetachVolume']],
  ]);
  const byResourceTag = statements.filter(({ Condition }) =>
    JSON.stringify(Condition ?? {}).includes('aws:ResourceTag/hivemind:product":"hivemind-volumes'),
  );
  expect(byResourceTag.flatMap(({ Action }) => Action)).toEqual(
    expect.arrayContaining(['ec2:DeleteVolume', 'ec2:DetachVolume', 'ec2:DeleteSnapshot']),
  );
});

test('objects are within reach under their prefix only, manifests for what signs for hosts or removes them', () => {
  const reach = names.flatMap((name) =>
    statementsOf(template, roles[name])
      .filter(({ Action }) => Action.some((action) => /^s3:(?!ListBucket)/.test(action)))
      .map(({ Resource }) => ({ name, prefix: /"\/(\w+)\/\*"/.exec(JSON.stringify(Resource))?.[1] })),
  );
  const by = (prefix: string) =>
    new Set(reach.filter((one) => one.prefix === prefix).map(({ name }) => name));
  const known = ['transfers', 'manifests', 'repositories'];
  expect(reach.filter(({ prefix }) => !known.includes(prefix ?? ''))).toEqual([]);
  // Hosts reach theirs under roles of their own.
  expect(by('repositories')).toEqual(new Set(['backup-worker']));
  expect(by('manifests')).toEqual(new Set(['hosts-api', 'backup-worker', 'sweeper']));
  expect(by('transfers')).toEqual(
    new Set(['hosts-api', 'backups-api', 'backup-worker', 'ebs-worker', 'efs-worker']),
  );
});

test('what lists the archive bucket lists manifests alone', () => {
  const listing = names.flatMap((name) =>
    statementsOf(template, roles[name])
      .filter(({ Action }) => Action.includes('s3:ListBucketVersions'))
      .map(({ Action, Condition }) => ({ name, Action, Condition })),
  );
  const Condition = { StringLike: { 's3:prefix': 'manifests/*' } };
  const Action = ['s3:ListBucketVersions'];
  expect(listing).toEqual([
    { name: 'backup-worker', Action, Condition },
    { name: 'sweeper', Action, Condition },
  ]);
});

test('only the sweeper reads the index of unfinished work', () => {
  const readers = names.filter((name) =>
    JSON.stringify(statementsOf(template, roles[name])).includes('/index/work'),
  );
  expect(readers).toEqual(['sweeper']);
});

test('what a host gets for a repository is assumed by the API of hosts alone, and removes nothing but locks', () => {
  const named = Object.entries(resourcesOf(template, 'AWS::IAM::Role')).filter(([id]) =>
    id.startsWith('FunctionsRepositories'),
  );
  expect(named).toHaveLength(2);
  for (const [, { Properties }] of named) {
    expect(Properties['MaxSessionDuration']).toBe(3600);
    const trust = JSON.stringify(Properties['AssumeRolePolicyDocument']);
    const principals = trust.match(/Fn::GetAtt":\["(\w+)","Arn"/)?.[1];
    expect(principals).toMatch(/^FunctionsHostsApiRole/);
  }
  const removes = (role: string): string[] =>
    statementsOf(template, role)
      .filter(({ Action }) => Action.includes('s3:DeleteObject'))
      .map(({ Resource }) => /"\/(repositories[^"]*)"/.exec(JSON.stringify(Resource))?.[1] ?? '');
  expect(removes('FunctionsRepositoriesHost')).toEqual(['repositories/*/locks/*']);
  expect(removes('FunctionsRepositoriesKeeper').toSorted()).toEqual([
    'repositories/*',
    'repositories/*/locks/*',
  ]);
});
