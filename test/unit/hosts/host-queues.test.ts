import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, it } from 'vitest';
import { SqsHostQueues } from '#shared/aws/host-queues.ts';

const hostId = 'i-0123456789abcdef0';

it("a host's queue lets its own session receive and nobody call without TLS, in any partition", async () => {
  const sqs = mockClient(SQSClient);
  sqs.on(CreateQueueCommand).resolves({ QueueUrl: 'https://queue' });
  const caller = {
    userId: `AROAHOST:${hostId}`,
    arn: `arn:aws-cn:sts::123456789012:assumed-role/host/${hostId}`,
    account: '123456789012',
  };
  const queues = new SqsHostQueues('hivemind-host-', new SQSClient({ region: 'cn-north-1' }));
  expect(await queues.ensure({ hostId, caller, namespace: 'team' })).toBe('https://queue');
  const { input } = sqs.commandCalls(CreateQueueCommand)[0]?.args[0] ?? {};
  const { Policy, ...attributes } = input?.Attributes ?? {};
  const Resource = `arn:aws-cn:sqs:cn-north-1:123456789012:hivemind-host-${hostId}`;
  expect(JSON.parse(Policy ?? '')).toMatchObject({
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'],
        Resource,
        Condition: { StringEquals: { 'aws:userid': caller.userId } },
      },
      { Effect: 'Deny', Action: 'sqs:*', Resource, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    ],
  });
  expect(attributes).toMatchObject({ SqsManagedSseEnabled: 'true', ReceiveMessageWaitTimeSeconds: '20' });
  expect(input?.tags).toEqual({ 'hivemind:product': 'hivemind-volumes', 'hivemind:namespace': 'team' });
});
