import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Backup } from '#shared/model/backup.ts';
import { once, type Comparison } from '../measure.ts';
import { othersOn, type Other } from './others.ts';
import type { Stage } from './stage.ts';
import type { Tree } from './trees.ts';

const MiB = 2 ** 20;

/** EBS keeps snapshots in blocks of 512 KiB: a block with one changed byte is moved as a whole. */
const block = 512 * 1024;

/** MiB of the blocks in which a snapshot's image differs from an earlier one, or from nothing. */
function movedBy(image: string, before?: string): number {
  const [now, then] = [openSync(image, 'r'), before === undefined ? undefined : openSync(before, 'r')];
  const [a, b] = [Buffer.alloc(block), Buffer.alloc(block)];
  const blocks = Math.ceil(statSync(image).size / block);
  let moved = 0;
  for (let index = 0; index < blocks; index++) {
    readSync(now, a, 0, block, index * block);
    if (then !== undefined) readSync(then, b, 0, block, index * block);
    if (!a.equals(b)) moved++;
  }
  for (const file of [now, then]) if (file !== undefined) closeSync(file);
  return (moved * block) / MiB;
}

/** A snapshot backup's image in the storage service. */
async function snapshot(stage: Stage, volume: string): Promise<string> {
  const backup = JSON.parse(await stage.hivemind('volume', 'backup', volume, '--wait', '--json')) as Backup;
  const id = backup.storage?.kind === 'snapshot' ? backup.storage.snapshotId : '';
  return join(stage.home, 'storage', 'disk', 'snapshots', `${id}.img`);
}

/** Grown by a backup, in MiB. */
async function grown({ host }: Stage, { store }: Other, work: () => Promise<void>): Promise<number> {
  const size = async (): Promise<number> =>
    Number((await host('du', '-s', '-B1', store)).split('\t')[0]) / MiB;
  const before = await size();
  await work();
  return (await size()) - before;
}

/** What a backup moves after a hundredth of a tree has changed, beside the first one, and beside what others move. */
export async function increments(stage: Stage, tree: Tree): Promise<Comparison[]> {
  const volume = tree.name;
  const [gzip, , restic] = othersOn(stage);
  const directory = stage.pathOf(volume);
  await restic.prepare();
  await restic.backup(directory);
  const first = await snapshot(stage, volume);
  tree.change(stage.seenFrom(volume));
  await stage.host('sync', '-f', directory);
  const moved = movedBy(await snapshot(stage, volume), first);
  const others = [
    { against: 'the first snapshot backup', theirs: movedBy(first) },
    { against: restic.name, theirs: await grown(stage, restic, () => restic.backup(directory)) },
    { against: `${gzip.name} of everything`, theirs: await whole(stage, gzip, directory) },
  ];
  const what = `moved by a snapshot backup after 1 % has changed: ${tree.title}`;
  return others.map((other) => once({ what, unit: 'MiB' }, { ...other, ours: moved }));
}

async function whole(stage: Stage, other: Other, directory: string): Promise<number> {
  await stage.host('rm', '-rf', other.store);
  await stage.host('touch', other.store);
  return grown(stage, other, () => other.backup(directory));
}
