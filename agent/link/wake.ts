import { watch, type FSWatcher } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Credentials } from '#shared/client/client.ts';
import type { Log } from '#agent/log.ts';
import { backoff } from './backoff.ts';

const pollSeconds = 20;
const requestTimeoutMs = 30_000;
const maxRetryMs = 60_000;

export interface Waker {
  stop(): Promise<void>;
}

export interface QueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  readonly credentials: () => Promise<Credentials>;
  readonly wake: () => void;
  readonly log: Log;
}

/** Listens on the host's own queue. A message means "sync now" and nothing else; losing one costs a poll interval. */
export function wakeByQueue(options: QueueOptions): Waker {
  const { queueUrl, region, credentials, wake, log } = options;
  const client = new SQSClient({
    region,
    credentials,
    maxAttempts: 1,
    // With an endpoint of our own (AWS_ENDPOINT_URL) the host in the queue's URL is not one we may reach.
    useQueueUrlAsEndpoint: process.env['AWS_ENDPOINT_URL'] === undefined,
  });
  const stopping = new AbortController();
  const retry = backoff({ firstMs: 1_000, maxMs: maxRetryMs });
  const running = (async () => {
    while (!stopping.signal.aborted) {
      try {
        if (await receive(client, queueUrl, stopping.signal)) wake();
        retry.reset();
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.debug('the queue does not answer; polling goes on', { error });
        await delay(retry.next(), undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
      client.destroy();
    },
  };
}

async function receive(client: SQSClient, queueUrl: string, stop: AbortSignal): Promise<boolean> {
  const abortSignal = AbortSignal.any([stop, AbortSignal.timeout(requestTimeoutMs)]);
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: pollSeconds, MaxNumberOfMessages: 10 }),
    { abortSignal },
  );
  if (Messages.length === 0) return false;
  const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }), { abortSignal });
  return true;
}

/** The kernel's own word of a new disk: udev links it there. A host without the directory just polls. */
export function wakeByDisk(wake: () => void, directory = '/dev/disk/by-id'): Waker {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, () => wake());
    watcher.on('error', () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  return {
    stop: () => {
      watcher?.close();
      return Promise.resolve();
    },
  };
}
