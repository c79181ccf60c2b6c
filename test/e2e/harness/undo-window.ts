import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { clientConfig } from '#local/cloud/deploy.ts';
import { DynamoStore, documentClient } from '#shared/aws/table/dynamo-store.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { Table } from '#shared/aws/table/table.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { until } from '#test/support/until.ts';
import type { TestCloud } from './cloud.ts';
import { sweep } from './sweep.ts';

/**
 * Lets the undo window of a deleted volume end now instead of tomorrow, by the deployer's own keys, and waits until the product
 * has freed the storage.
 */
export async function endUndoWindow(cloud: TestCloud, volumeId: string): Promise<void> {
  const table = deployedTable(cloud.file);
  const { volume } = await untilBuried(cloud, volumeId);
  const purgeAt = new Date(Date.now() - 1_000).toISOString();
  await table.transact([replace('volume', volume, { ...volume, purgeAt })]);
  await until(
    `the storage of ${volumeId} is freed`,
    async () => {
      await sweep(cloud.file);
      return (await table.readVolume(volumeId))?.volume.state === 'purged';
    },
    { within: 120_000, every: 1_000 },
  );
}

/** Waits until a volume is a tombstone, and the delete has ended: before that, an undelete is told to wait. */
export function untilBuried(cloud: TestCloud, volumeId: string): Promise<VolumeRecord> {
  const table = deployedTable(cloud.file);
  return until(`${volumeId} is a tombstone`, async () => {
    const record = await table.readVolume(volumeId);
    const rests = record?.volume.state === 'deleted' && record.volume.operation === undefined;
    return rests ? record : undefined;
  });
}

function deployedTable(cloud: CloudFile): Table {
  const name = cloud.stack?.['TableName'] ?? '';
  return new Table(new DynamoStore(name, documentClient(new DynamoDBClient(clientConfig(cloud)))));
}
