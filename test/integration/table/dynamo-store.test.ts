import { afterAll } from 'vitest';
import { itemStoreContract } from '#test/support/item-store-contract.ts';
import { startDynamoTable, type DynamoTable } from '#test/support/dynamo-table.ts';

let table: DynamoTable | undefined;
afterAll(() => table?.stop());

itemStoreContract('DynamoDB', async () => {
  table = await startDynamoTable();
  return table.store;
});
