import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { clientConfig } from '#local/cloud/deploy.ts';
import { createClient, type ApiClient } from '#shared/client/client.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { milliseconds, sideBySide, type Comparison } from './measure.ts';

export function apiOf(cloud: CloudFile): ApiClient {
  const { accessKeyId, secretAccessKey } = cloud.cliUser ?? { accessKeyId: '', secretAccessKey: '' };
  return createClient({
    endpoint: `http://127.0.0.1:${cloud.ports.api}`,
    region: cloud.region,
    credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
  });
}

const params = { namespace: 'default' } as const;

/** Makes sure that a namespace has that many volumes that cost nothing (hostpath), in parallel but bounded. */
async function fill(api: ApiClient, namespace: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `v${String(index).padStart(6, '0')}`);
  await mapLimit(names, 8, (name) =>
    api.call('createVolume', {
      params: { namespace },
      body: { name, type: 'hostpath', options: { path: '/data/bench' } },
    }),
  );
}

/** Warm API latency beside one raw DynamoDB read through the same edge. */
export async function apiLatency(cloud: CloudFile): Promise<Comparison> {
  const api = apiOf(cloud);
  await api.call('createVolume', {
    params,
    body: { name: 'bench-latency', type: 'hostpath', options: { path: '/data/bench' } },
  });
  const dynamo = new DynamoDBClient(clientConfig(cloud));
  const read = new GetItemCommand({
    TableName: cloud.stack?.['TableName'] ?? '',
    Key: { pk: { S: 'NS#default#NAMES' }, sk: { S: 'bench-latency' } },
    ConsistentRead: true,
  });
  return sideBySide({
    what: 'warm `GET` of a volume',
    against: 'one DynamoDB GetItem through the same edge',
    unit: 'ms',
    runs: 100,
    ours: () => milliseconds(() => api.call('getVolume', { params: { ...params, name: 'bench-latency' } })),
    theirs: () => milliseconds(() => dynamo.send(read)),
  });
}

/** A page of 100 where there are 10,000 volumes, beside the same page where there are 100. */
export async function listPages(cloud: CloudFile): Promise<Comparison> {
  const api = apiOf(cloud);
  await fill(api, 'bench-few', 100);
  await fill(api, 'bench-many', 10_000);
  const page = (namespace: string): Promise<number> =>
    milliseconds(() => api.call('listVolumes', { params: { namespace }, query: { limit: '100' } }));
  return sideBySide({
    what: 'first page of 100 with 10,000 volumes',
    against: 'with 100 volumes',
    unit: 'ms',
    runs: 15,
    ours: () => page('bench-many'),
    theirs: () => page('bench-few'),
  });
}
