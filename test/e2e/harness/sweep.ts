import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { clientConfig } from '#local/cloud/deploy.ts';

/** What Scheduler does every minute, oftener. A sweep may be killed like anything else. */
export async function sweep(cloud: CloudFile): Promise<void> {
  const lambda = new LambdaClient({ ...clientConfig(cloud), maxAttempts: 1 });
  await lambda.send(new InvokeCommand({ FunctionName: 'hivemind-sweeper', Payload: '{}' }));
}
