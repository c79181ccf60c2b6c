import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { startEmulator } from '#local/emulator/emulator.ts';
import { ensureVenv } from '#local/emulator/venv.ts';
import { DynamoStore, documentClient } from '#shared/aws/table/dynamo-store.ts';

const checkout = join(import.meta.dirname, '..', '..');

/** An emulator of its own with the product's table in it. */
export interface DynamoTable {
  readonly endpoint: string;
  readonly table: string;
  readonly client: DynamoDBClient;
  readonly store: DynamoStore;
  stop(): Promise<void>;
}

/** Starts the emulator on a free port and makes the table as infra does. */
export async function startDynamoTable(): Promise<DynamoTable> {
  const venv = await ensureVenv(join(checkout, '.hivemind', 'cache'));
  const home = await mkdtemp(join(tmpdir(), 'hm-table-'));
  const port = await freePort();
  const emulator = await startEmulator({ home, venv, ports: { emulator: port, aws: port } });
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const stop = async (): Promise<void> => {
    client.destroy();
    await emulator.kill();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const table = 'volumes';
    await makeTable(client, table);
    return { endpoint, table, client, store: new DynamoStore(table, documentClient(client)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Keys and index of the product's table. */
export async function makeTable(client: DynamoDBClient, table: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', 'workPk', 'workSk'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S' as const,
      })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'work',
          KeySchema: [
            { AttributeName: 'workPk', KeyType: 'HASH' },
            { AttributeName: 'workSk', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    }),
  );
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 20 }, { TableName: table });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
