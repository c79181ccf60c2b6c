import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, expect, test } from 'vitest';
import { clientConfig } from '#local/cloud/deploy.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import { sweep } from './harness/sweep.ts';

const cloud = joinCloud();
afterAll(() => cloud.close());

test('a host that is terminated leaves no queue', async () => {
  const gone = await cloud.addHost('gone', { docker: false });
  const sqs = new SQSClient(clientConfig(cloud.file));
  const queues = async (): Promise<string[]> => {
    const QueueNamePrefix = `hivemind-host-${gone.instanceId}`;
    return (await sqs.send(new ListQueuesCommand({ QueueNamePrefix }))).QueueUrls ?? [];
  };
  expect(await queues()).toHaveLength(1);
  await gone.remove();
  await until(
    'the sweeper has removed its queue',
    async () => {
      await sweep(cloud.file);
      return (await queues()).length === 0;
    },
    { within: 120_000, every: 1_000 },
  );
});
