import { allInTurn, milliseconds, type Comparison, type Contender } from '../measure.ts';
import { othersOn } from './others.ts';
import type { Scale } from './scale.ts';
import type { Stage } from './stage.ts';
import type { Tree } from './trees.ts';
import { waysOn } from './ways.ts';

/** For find: removes all that people have put there. */
const contents = ['-mindepth', '1', '!', '-name', 'lost+found', '-delete'];

/** MiB of the tree a second. */
async function speed(tree: Tree, work: () => Promise<void>): Promise<number> {
  return (tree.size * 1000) / (await milliseconds(work));
}

/** Backup and restore of a volume that holds a tree, each way of ours beside each of others, on the same files. */
export async function throughput(stage: Stage, tree: Tree, { runs }: Scale): Promise<Comparison[]> {
  const [source, target, other] = [tree.name, `${tree.name}-back`, `${tree.name}-other`];
  for (const volume of [target, other]) await stage.create(volume);
  const release = await stage.hold(other);
  const field = { unit: 'MiB/s', runs };
  const backups = await allInTurn({
    ...field,
    what: (name) => `\`volume backup\`, ${name}: ${tree.title}`,
    ours: waysOn(stage).map(({ name, backup }) => ({
      name,
      sample: () => speed(tree, () => backup(source)),
    })),
    theirs: othersOn(stage).map(({ name, prepare, backup }) => ({
      name,
      sample: async () => {
        await prepare();
        return speed(tree, () => backup(stage.pathOf(source)));
      },
    })),
  });
  const restores = await allInTurn({
    ...field,
    what: (name) => `\`volume restore\`, ${name}: ${tree.title}`,
    ours: waysOn(stage).map(({ name, restore }) => ({
      name,
      sample: async () => {
        await emptied(stage, target);
        return speed(tree, () => restore(target));
      },
    })),
    theirs: othersOn(stage).map(({ name, restore }): Contender => ({
      name,
      sample: async () => {
        await stage.host('find', stage.pathOf(other), ...contents);
        return speed(tree, () => restore(stage.pathOf(other)));
      },
    })),
  });
  await release();
  for (const volume of [target, other])
    await stage.hivemind('volume', 'delete', volume, '--purge', '--yes', '--force', '--wait');
  return [...backups, ...restores];
}

/** A restore wants a volume that nobody uses. */
async function emptied({ host }: Stage, volume: string): Promise<void> {
  const args = `run --rm --network none -v ${volume}:/data --volume-driver hivemind busybox`.split(' ');
  await host('docker', ...args, 'find', '/data', ...contents);
}
