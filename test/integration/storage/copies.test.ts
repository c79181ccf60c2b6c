import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Snapshot } from '#shared/aws/ec2/block-storage.ts';
import { Ec2SnapshotRegions } from '#shared/aws/ec2/ec2-snapshot-regions.ts';
import { Ec2Snapshots } from '#shared/aws/ec2/ec2-snapshots.ts';
import { AwsInventory } from '#shared/aws/leftovers.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { until } from '#test/support/until.ts';
import { TestStorage } from './support/storage.ts';

/** Copies by real clients: Regions are apart, keys are those of the destination. */
const home = 'us-east-1';
const europe = 'eu-west-1';
const keyIn = (region: string, name = 'one') => `arn:aws:kms:${region}:000000000000:key/${name}`;

let service: TestStorage;
let source: Snapshot;
beforeAll(async () => {
  service = await TestStorage.start({ limits: { snapshotCopies: 1 } });
  const volumeId = await service.volume(service.client(), { Size: 2 });
  const regions = regionsOf();
  const snapshots = new Ec2Snapshots(() => service.client());
  source = await snapshots.createSnapshot({ volumeId, description: '', tags: tagsOf('bak-source') });
  await complete(regions, home, 'bak-source');
});
afterAll(async () => service?.close());

const regionsOf = (
  keys: Readonly<Record<string, string>> = { [home]: keyIn(home), [europe]: keyIn(europe) },
) => new Ec2SnapshotRegions({ home, keys, clients: (region) => () => service.client(region) });

const tagsOf = (backup: string) => ({ [tagKeys.product]: productTagValue, [tagKeys.backup]: backup });

const complete = (regions: Ec2SnapshotRegions, region: string, backup: string): Promise<Snapshot> =>
  until(`${backup} is complete in ${region}`, async () => {
    const [found] = await regions.in(region).findSnapshots({ backup });
    return found !== undefined && found.state !== 'pending' ? found : undefined;
  });

function copy(regions: Ec2SnapshotRegions, backup: string, from = { region: home, id: source.id }) {
  const to = from.region === home ? europe : home;
  const wanted = { from: { region: from.region, snapshotId: from.id }, description: 'far' };
  return regions.in(to).copySnapshot({ ...wanted, tags: tagsOf(backup) });
}

it('copies to the other Region under the key of that one, and is found and removed there alone', async () => {
  const regions = regionsOf();
  const made = await copy(regions, 'bak-copy');
  expect(await complete(regions, europe, 'bak-copy')).toMatchObject({ id: made.id, state: 'completed' });
  expect(await regions.in(home).findSnapshots({ backup: 'bak-copy' })).toEqual([]);
  const { Snapshots } = await service
    .client(europe)
    .send(new DescribeSnapshotsCommand({ SnapshotIds: [made.id] }));
  expect(Snapshots?.[0]).toMatchObject({ Encrypted: true, KmsKeyId: keyIn(europe), VolumeSize: 2 });
  const inventory = new AwsInventory({ fileSystemId: '', ec2: (region) => service.client(region) });
  expect((await inventory.snapshots(europe)).map(({ id, region }) => [id, region])).toEqual([
    [made.id, europe],
  ]);
  expect((await inventory.snapshots()).map(({ id }) => id)).toEqual([source.id]);
  await regions.in(home).deleteSnapshot(made.id);
  expect(await regions.in(europe).findSnapshots({ backup: 'bak-copy' })).toHaveLength(1);
  const back = await copy(regions, 'bak-back', { region: europe, id: made.id });
  expect(await complete(regions, home, 'bak-back')).toMatchObject({ id: back.id, state: 'completed' });
  await regions.in(home).deleteSnapshot(back.id);
  await regions.in(europe).deleteSnapshot(made.id);
  expect(await regions.in(europe).findSnapshots({ backup: 'bak-copy' })).toEqual([]);
});

it('waits its turn: more copies than AWS makes at once are refused for now', async () => {
  const regions = regionsOf();
  await service.admin('PUT /faults', [
    { id: 'slow', action: 'CopySnapshot', kind: 'slow-transition', ms: 500 },
  ]);
  await copy(regions, 'bak-one');
  await expect(copy(regions, 'bak-two')).rejects.toMatchObject({ code: 'Throttled' });
  await service.admin('PUT /faults', []);
  const { id } = await complete(regions, europe, 'bak-one');
  await regions.in(europe).deleteSnapshot(id);
});

it('ends in an error with AWS’s words under a key that cannot be used', async () => {
  const regions = regionsOf({ [home]: keyIn(home), [europe]: keyIn(home) });
  const { id } = await copy(regions, 'bak-refused');
  expect(await complete(regions, europe, 'bak-refused')).toMatchObject({
    id,
    state: 'error',
    reason: expect.stringMatching(/./) as string,
  });
  await regions.in(europe).deleteSnapshot(id);
});

it('is not tried in a Region without a key, nor of what is not there', async () => {
  const refused = copy(regionsOf({ [home]: keyIn(home) }), 'bak-none');
  await expect(refused).rejects.toMatchObject({ code: 'InvalidInput', details: { allowed: `${home} only` } });
  const gone = { region: home, id: 'snap-0123456789abcdef0' };
  await expect(copy(regionsOf(), 'bak-gone', gone)).rejects.toMatchObject({ code: 'StorageFailed' });
  expect(await regionsOf().in(europe).findSnapshots({ backup: 'bak-gone' })).toEqual([]);
});
