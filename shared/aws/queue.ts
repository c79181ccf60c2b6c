import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Log } from '#shared/runtime/telemetry.ts';
import { keys } from './table/keys.ts';
import type { Table } from './table/table.ts';

/** Tells hosts to sync now rather than at their next poll. */
export interface Waker {
  /** Never fails: a wake-up that is lost costs one poll interval. */
  wake(hostId: string): Promise<void>;
}

/** Wakes a host by a message on its own queue. */
export class QueueWaker implements Waker {
  readonly #table: Table;
  readonly #log: Log;
  readonly #client: SQSClient;

  constructor(table: Table, log: Log, client: SQSClient = sqsClient()) {
    this.#table = table;
    this.#log = log;
    this.#client = client;
  }

  async wake(hostId: string): Promise<void> {
    try {
      const host = await this.#table.read('host', keys.host(hostId));
      if (host === undefined || host.queueUrl === '') return;
      await this.#client.send(new SendMessageCommand({ QueueUrl: host.queueUrl, MessageBody: 'sync' }));
    } catch (error) {
      this.#log.warn('host not woken', { hostId, error });
    }
  }
}

/** Calls go to the client's own endpoint, not to the host that a queue's URL names. */
export function sqsClient(): SQSClient {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  return new SQSClient({ maxAttempts: 3, useQueueUrlAsEndpoint: false, requestHandler });
}
