import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { DynamoStore, documentClient } from '#shared/aws/table/dynamo-store.ts';
import { WritesLost, type StoreWrite } from '#shared/aws/table/store.ts';

/* What the emulator never says: conflicts between transactions, throttles, keys that were not read. */

const dynamo = mockClient(DynamoDBDocumentClient);
const store = new DynamoStore('table', documentClient());
const writes: StoreWrite[] = [
  { kind: 'put', key: { pk: 'p', sk: 'a' }, item: { pk: 'p', sk: 'a' } },
  { kind: 'check', key: { pk: 'p', sk: 'b' } },
];

const cancelled = (...codes: string[]): TransactionCanceledException =>
  new TransactionCanceledException({
    message: 'Transaction cancelled',
    $metadata: { httpStatusCode: 400 },
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
const named = (name: string, httpStatusCode = 400): Error =>
  Object.assign(new RangeError(name), { name, $metadata: { httpStatusCode } });

beforeEach(() => dynamo.reset());

describe('a transaction', () => {
  it('that met another one is tried again under the same token, and then done', async () => {
    dynamo
      .on(TransactWriteCommand)
      .rejectsOnce(cancelled('TransactionConflict', 'None'))
      .rejectsOnce(cancelled('ThrottlingError', 'None'))
      .resolves({});
    await store.transact(writes);
    const calls = dynamo
      .commandCalls(TransactWriteCommand)
      .map(({ args }) => args[0].input.ClientRequestToken);
    expect(calls).toHaveLength(3);
    expect(new Set(calls).size).toBe(1);
  });

  it('whose condition does not hold is lost at once, whatever else happened to it', async () => {
    dynamo.on(TransactWriteCommand).rejects(cancelled('TransactionConflict', 'ConditionalCheckFailed'));
    const error: unknown = await store.transact(writes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WritesLost);
    expect(error).toMatchObject({ positions: [1] });
    expect(dynamo.commandCalls(TransactWriteCommand)).toHaveLength(1);
  });

  it.each([
    ['conflicts without end', cancelled('TransactionConflict', 'None'), 'Conflict'],
    ['another try of itself without end', named('TransactionInProgressException'), 'Conflict'],
    [
      'throttles that the SDK has waited out in vain',
      named('ProvisionedThroughputExceededException'),
      'Throttled',
    ],
    ['an outage', named('InternalServerError', 500), 'Unavailable'],
    ['a broken connection', Object.assign(new RangeError('reset'), { $metadata: {} }), 'Unavailable'],
  ])('that meets %s fails in our words', async (_, failure, code) => {
    dynamo.on(TransactWriteCommand).rejects(failure);
    const error: unknown = await store.transact(writes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, retryable: true });
  });

  it('that is wrong is not hidden behind our words', async () => {
    dynamo.on(TransactWriteCommand).rejects(named('ValidationException'));
    await expect(store.transact(writes)).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('reads', () => {
  it('of many keys ask again for what DynamoDB left out', async () => {
    const Keys = [{ pk: 'p', sk: 'b' }];
    dynamo
      .on(BatchGetCommand)
      .resolvesOnce({ Responses: { table: [{ pk: 'p', sk: 'a' }] }, UnprocessedKeys: { table: { Keys } } })
      .resolvesOnce({ Responses: { table: [{ pk: 'p', sk: 'b' }] } });
    const found = await store.getMany([
      { pk: 'p', sk: 'a' },
      { pk: 'p', sk: 'b' },
    ]);
    expect(found.map((item) => item['sk'])).toEqual(['a', 'b']);
    const [, second] = dynamo.commandCalls(BatchGetCommand);
    expect(second?.args[0].input.RequestItems).toEqual({ table: { Keys, ConsistentRead: true } });
  });

  it('of many keys end as Throttled when it keeps leaving some out', async () => {
    const Keys = [{ pk: 'p', sk: 'a' }];
    dynamo.on(BatchGetCommand).resolves({ Responses: {}, UnprocessedKeys: { table: { Keys } } });
    await expect(store.getMany([{ pk: 'p', sk: 'a' }])).rejects.toMatchObject({ code: 'Throttled' });
  });

  it('are consistent', async () => {
    dynamo.on(GetCommand).resolves({});
    expect(await store.get({ pk: 'p', sk: 'a' })).toBeUndefined();
    expect(dynamo.commandCalls(GetCommand)[0]?.args[0].input.ConsistentRead).toBe(true);
  });
});
