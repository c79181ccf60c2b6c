import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { ProductError } from '#shared/model/errors.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { sqsClient } from './queue.ts';

/** The one host that a queue is for. */
export interface QueueOwner {
  readonly hostId: string;
  /** Of the host's role session, as IAM says it: `aws:userid` is in the queue's policy, the ARN names partition and account. */
  readonly caller: { readonly userId: string; readonly arn: string; readonly account: string };
  readonly namespace: string;
}

/** Hosts' own queues. */
export interface HostQueues {
  /** The URL of the host's queue, made or brought up to date: only this host may receive from it. */
  ensure(owner: QueueOwner): Promise<string>;
  /** Removes a host's queue; one that is gone already is success. */
  remove(queueUrl: string): Promise<void>;
}

/** Queues in SQS, called the prefix and the host's id. */
export class SqsHostQueues implements HostQueues {
  readonly #prefix: string;
  readonly #client: SQSClient;

  constructor(prefix: string, client: SQSClient = sqsClient()) {
    this.#prefix = prefix;
    this.#client = client;
  }

  async ensure(owner: QueueOwner): Promise<string> {
    const QueueName = `${this.#prefix}${owner.hostId}`;
    const Attributes = attributesFor(owner, await this.#arnOf(QueueName, owner));
    const tags = { [tagKeys.product]: productTagValue, [tagKeys.namespace]: owner.namespace };
    try {
      const { QueueUrl } = await this.#client.send(new CreateQueueCommand({ QueueName, Attributes, tags }));
      return known(QueueUrl, QueueName);
    } catch (error) {
      if (!isExisting(error)) throw error;
    }
    const { QueueUrl } = await this.#client.send(new GetQueueUrlCommand({ QueueName }));
    await this.#client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    return known(QueueUrl, QueueName);
  }

  async remove(queueUrl: string): Promise<void> {
    try {
      await this.#client.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async #arnOf(name: string, { caller }: QueueOwner): Promise<string> {
    const partition = caller.arn.split(':')[1] ?? 'aws';
    return `arn:${partition}:sqs:${await this.#client.config.region()}:${caller.account}:${name}`;
  }
}

/** A wake-up that is older than five minutes tells nothing: the host has synced since. */
function attributesFor({ caller }: QueueOwner, arn: string): Record<string, string> {
  return {
    MessageRetentionPeriod: '300',
    ReceiveMessageWaitTimeSeconds: '20',
    VisibilityTimeout: '10',
    SqsManagedSseEnabled: 'true',
    Policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'OnlyItsHost',
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'],
          Resource: arn,
          Condition: { StringEquals: { 'aws:userid': caller.userId } },
        },
        {
          Sid: 'TlsOnly',
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 'sqs:*',
          Resource: arn,
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    }),
  };
}

/** Made before, with an older policy. Names as SQS gave them over the years. */
function isExisting(error: unknown): boolean {
  const names = ['QueueNameExists', 'QueueAlreadyExists', 'AWS.SimpleQueueService.QueueNameExists'];
  return error instanceof Error && names.includes(error.name);
}

function isMissing(error: unknown): boolean {
  const names = ['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'];
  return error instanceof Error && names.includes(error.name);
}

function known(url: string | undefined, name: string): string {
  if (url !== undefined) return url;
  throw new ProductError('Unavailable', `SQS did not say where the queue ${name} is.`);
}
