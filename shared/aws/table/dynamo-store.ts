import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import { ProductError } from '#shared/model/errors.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { renderCondition } from './dynamo-expressions.ts';
import type { Key } from './keys.ts';
import {
  WritesLost,
  type Item,
  type ItemStore,
  type StorePage,
  type StoreQuery,
  type StoreWrite,
} from './store.ts';

/** BatchGetItem takes 100 keys. Source: DynamoDB API reference. */
const batchSize = 100;
const maxTries = 6;

type DynamoWrite = NonNullable<TransactWriteCommandInput['TransactItems']>[number];
type Rows = Record<string, unknown>[];

/** Milliseconds. With the SDK's own repeats a call ends well within the API's 28 s. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 6_000, throwOnRequestTimeout: true };

/** A document client as the table needs it. Credentials, region and endpoint: the SDK's own chain. */
export function documentClient(
  client = new DynamoDBClient({ maxAttempts: 4, requestHandler: timeouts }),
): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}

/** The table in DynamoDB. */
export class DynamoStore implements ItemStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(table: string, client: DynamoDBDocumentClient = documentClient()) {
    this.#table = table;
    this.#client = client;
  }

  async get(key: Key): Promise<Item | undefined> {
    const command = new GetCommand({ TableName: this.#table, Key: key, ConsistentRead: true });
    const { Item: item } = await translated(() => this.#client.send(command));
    return item;
  }

  async getMany(keys: readonly Key[]): Promise<Item[]> {
    const batches = Array.from({ length: Math.ceil(keys.length / batchSize) }, (_, at) =>
      keys.slice(at * batchSize, (at + 1) * batchSize),
    );
    return (await mapLimit(batches, 5, (batch) => this.#getBatch(batch))).flat();
  }

  async #getBatch(keys: readonly Key[]): Promise<Rows> {
    const rows: Rows = [];
    let asked: Record<string, unknown>[] = keys.map(({ pk, sk }) => ({ pk, sk }));
    for (let attempt = 1; asked.length > 0; attempt++) {
      if (attempt > maxTries) throw throttled();
      if (attempt > 1) await delay(backoff(attempt));
      const command = new BatchGetCommand({
        RequestItems: { [this.#table]: { Keys: asked, ConsistentRead: true } },
      });
      const answer = await translated(() => this.#client.send(command));
      rows.push(...(answer.Responses?.[this.#table] ?? []));
      asked = answer.UnprocessedKeys?.[this.#table]?.Keys ?? [];
    }
    return rows;
  }

  async query({ pk, prefix, after, limit, reverse = false }: StoreQuery): Promise<StorePage> {
    const command = new QueryCommand({
      TableName: this.#table,
      ConsistentRead: true,
      KeyConditionExpression: prefix === undefined ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': pk, ...(prefix === undefined ? {} : { ':prefix': prefix }) },
      ScanIndexForward: !reverse,
      ...(limit === undefined ? {} : { Limit: limit }),
      ...(after === undefined ? {} : { ExclusiveStartKey: { pk, sk: after } }),
    });
    const answer = await translated(() => this.#client.send(command));
    const next: unknown = answer.LastEvaluatedKey?.['sk'];
    return { items: answer.Items ?? [], ...(typeof next === 'string' ? { next } : {}) };
  }

  async work(partition: string, through: string, limit: number): Promise<Key[]> {
    const command = new QueryCommand({
      TableName: this.#table,
      IndexName: 'work',
      KeyConditionExpression: 'workPk = :pk AND workSk <= :through',
      ExpressionAttributeValues: { ':pk': partition, ':through': through },
      Limit: limit,
    });
    const answer = await translated(() => this.#client.send(command));
    return (answer.Items ?? []).map((item) => ({ pk: String(item['pk']), sk: String(item['sk']) }));
  }

  async transact(writes: readonly StoreWrite[]): Promise<void> {
    // One token for all tries: a try whose answer was lost is recognised (for 10 minutes) and not carried out twice.
    const token = ulid();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.send(
          new TransactWriteCommand({
            ClientRequestToken: token,
            TransactItems: writes.map((write) => this.#render(write)),
          }),
        );
        return;
      } catch (error) {
        if (attempt >= maxTries || !isTransient(error)) throw translate(error);
        await delay(backoff(attempt));
      }
    }
  }

  #render(write: StoreWrite): DynamoWrite {
    const TableName = this.#table;
    const condition = renderCondition(write.when);
    switch (write.kind) {
      case 'put':
        return { Put: { TableName, Item: { ...write.item }, ...condition } };
      case 'delete':
        return { Delete: { TableName, Key: write.key, ...condition } };
      case 'check':
        return {
          ConditionCheck: {
            TableName,
            Key: write.key,
            ConditionExpression: 'attribute_exists(pk)',
            ...condition,
          },
        };
    }
  }
}

interface AwsError {
  readonly name: string;
  readonly CancellationReasons?: readonly { readonly Code?: string }[];
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const throttles: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
]);
/** Why a transaction was cancelled that may succeed a moment later; the SDK does not repeat these by itself. */
const passing: ReadonlySet<string> = new Set([
  'None',
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

function reasons(error: AwsError): string[] {
  return (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None');
}

function isAwsError(error: unknown): error is AwsError {
  return error instanceof Error;
}

/** Whether the same transaction may succeed a moment later without anybody's doing. */
function isTransient(error: unknown): boolean {
  if (!isAwsError(error)) return false;
  if (error.name === 'TransactionCanceledException') return reasons(error).every((code) => passing.has(code));
  return error.name === 'TransactionInProgressException';
}

/** AWS's words stop here. */
function translate(cause: unknown): unknown {
  if (!isAwsError(cause) || cause instanceof ProductError) return cause;
  const lost = reasons(cause).flatMap((code, at) => (code === 'ConditionalCheckFailed' ? [at] : []));
  if (lost.length > 0) return new WritesLost(lost, { cause });
  if (throttles.has(cause.name)) return throttled(cause);
  if (isTransient(cause)) {
    return new ProductError('Conflict', 'Others keep changing the same records.', {
      cause,
      hint: 'Repeat the call.',
    });
  }
  const status = cause.$metadata?.httpStatusCode;
  if (status !== undefined && status < 500) return cause;
  return new ProductError('Unavailable', 'The table does not answer.', { cause, hint: 'Repeat the call.' });
}

async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translate(error);
  }
}

function throttled(cause?: unknown): ProductError {
  return new ProductError('Throttled', 'The table takes no more requests right now.', {
    cause,
    hint: 'Repeat the call after a moment.',
  });
}

/** Milliseconds: 25, 50, 100 … with full jitter. */
function backoff(attempt: number): number {
  return Math.random() * 25 * 2 ** attempt;
}
