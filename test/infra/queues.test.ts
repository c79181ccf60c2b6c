import { expect, test } from 'vitest';
import { PolicyDocument, resourcesOf, synthesise, missing } from './support/synth.ts';

const { controlPlane: template } = synthesise();
const queues = Object.entries(resourcesOf(template, 'AWS::SQS::Queue'));
const isDeadLetters = (id: string) => id.includes('DeadLetters');

test.each(queues)('%s is encrypted and keeps messages for two weeks', (_, { Properties }) => {
  expect(Properties).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
});

test.each(queues)('%s refuses calls without TLS', (id) => {
  const policy = Object.values(resourcesOf(template, 'AWS::SQS::QueuePolicy')).find(({ Properties }) =>
    JSON.stringify(Properties['Queues']).includes(id),
  );
  expect(PolicyDocument.parse(policy?.Properties['PolicyDocument']).Statement).toContainEqual(
    expect.objectContaining({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['sqs:*'],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  );
});

test.each(queues.filter(([id]) => !isDeadLetters(id)))('%s has dead letters', (_, { Properties }) => {
  expect(JSON.stringify(Properties['RedrivePolicy'])).toMatch(/DeadLetters.*"maxReceiveCount":5/);
});

test('every queue of dead letters and every queue with a reader has an alarm', () => {
  const watched = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).map(({ Properties }) =>
    JSON.stringify(Properties['Dimensions']),
  );
  const unwatched = queues.filter(([id]) => !watched.some((dimensions) => dimensions.includes(id)));
  expect(unwatched.map(([id]) => id)).toEqual([]);
});

test('the reader of host events hides a message six times as long as it may run, and reports failures one by one', () => {
  expect(
    missing(template, 'AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    }),
  ).toBe('');
  const [, queue] = queues.find(([id]) => !isDeadLetters(id)) ?? [];
  expect(queue?.Properties['VisibilityTimeout']).toBe(180);
});

test('what EventBridge and Scheduler cannot deliver, and what fails asynchronously, becomes dead letters', () => {
  const rules = Object.values(resourcesOf(template, 'AWS::Events::Rule'));
  expect(rules).toHaveLength(1);
  expect(JSON.stringify(rules)).toContain('DeadLetterConfig');
  const schedules = Object.values(resourcesOf(template, 'AWS::Scheduler::Schedule'));
  expect(schedules.map(({ Properties }) => Properties['ScheduleExpression'])).toEqual([
    'rate(5 minutes)',
    'rate(1 minute)',
  ]);
  for (const schedule of schedules) expect(JSON.stringify(schedule)).toContain('DeadLetterConfig');
  expect(missing(template, 'AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 1 })).toBe('');
});

test('the rule hears of every state of every instance', () => {
  expect(
    missing(template, 'AWS::Events::Rule', {
      EventPattern: { source: ['aws.ec2'], 'detail-type': ['EC2 Instance State-change Notification'] },
    }),
  ).toBe('');
});
