import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Backup } from '#shared/model/backup.ts';
import { repositoryPrefix } from '#shared/model/repository.ts';
import { once, type Comparison } from '../measure.ts';
import { objectsIn } from './bucket.ts';
import { othersOn } from './others.ts';
import type { Stage } from './stage.ts';
import type { Tree } from './trees.ts';
import { resticBackup } from './ways.ts';

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

/** MiB that a store has grown by while something was done. */
async function grown(store: { size(): Promise<number> }, work: () => Promise<unknown>): Promise<number> {
  const before = await store.size();
  await work();
  return (await store.size()) - before;
}

/** What a backup moves after a hundredth of a tree has changed, beside the first one, and beside what others move. */
export async function increments(stage: Stage, tree: Tree): Promise<Comparison[]> {
  const volume = tree.name;
  const { gzip, restic, resticS3 } = othersOn(stage);
  const directory = stage.pathOf(volume);
  for (const one of [restic, resticS3]) {
    await one.prepare();
    await one.backup(directory);
  }
  const image = await snapshot(stage, volume);
  const files = await resticBackup(stage, volume);
  const prefix = `${repositoryPrefix(files.volumeId)}/`;
  const kept = { size: () => objectsIn(stage.home, { prefix }) };
  const first = { snapshot: movedBy(image), archive: await kept.size() };
  tree.change(stage.seenFrom(volume));
  await stage.host('sync', '-f', directory);
  const moved = movedBy(await snapshot(stage, volume), image);
  const second: Backup[] = [];
  const archived = await grown(kept, async () => second.push(await resticBackup(stage, volume)));
  for (const { id } of [files, ...second]) await stage.hivemind('backup', 'delete', id, '--yes', '--wait');
  await gzip.prepare();
  await gzip.backup(directory);
  const others = [
    { against: restic.name, theirs: await grown(restic, () => restic.backup(directory)) },
    { against: resticS3.name, theirs: await grown(resticS3, () => resticS3.backup(directory)) },
    { against: `${gzip.name} of everything`, theirs: await gzip.size() },
  ];
  const rows = (kind: string, ours: number, whole: number): Comparison[] =>
    [{ against: `the first ${kind}`, theirs: whole }, ...others].map((other) =>
      once(
        { what: `moved by a ${kind} after 1 % has changed: ${tree.title}`, unit: 'MiB' },
        { ...other, ours },
      ),
    );
  return [
    ...rows('snapshot backup', moved, first.snapshot),
    ...rows('backup with restic', archived, first.archive),
  ];
}
