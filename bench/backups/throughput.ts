import { allInTurn, milliseconds, type Comparison } from '../measure.ts';
import { othersOn } from './others.ts';
import type { Scale } from './scale.ts';
import type { Stage } from './stage.ts';
import type { Tree } from './trees.ts';
import { waysOn } from './ways.ts';

/** For a shell: removes all that was put into the directory $1. */
const clear = 'cd "$1"; for one in *; do [ "$one" = lost+found ] || rm -rf "$one"; done';

/** MiB of the tree a second. */
async function speed(tree: Tree, work: () => Promise<void>): Promise<number> {
  return (tree.size * 1000) / (await milliseconds(work));
}

/** Backup and restore of a volume that holds a tree, each way of ours beside each of others, on the same files. */
export async function throughput(stage: Stage, tree: Tree, scale: Scale): Promise<Comparison[]> {
  const [target, other] = [`${tree.name}-back`, `${tree.name}-other`];
  for (const volume of [target, other]) await stage.create(volume);
  const rows = [
    ...(await backups(stage, tree, scale)),
    ...(await stage.whileUsed(other, () => restores(stage, tree, { ...scale, target, other }))),
  ];
  for (const volume of [target, other])
    await stage.hivemind('volume', 'delete', volume, '--purge', '--yes', '--force', '--wait');
  return rows;
}

function backups(stage: Stage, tree: Tree, { runs }: Scale): Promise<Comparison[]> {
  return allInTurn({
    what: (name) => `\`volume backup\`, ${name}: ${tree.title}`,
    unit: 'MiB/s',
    runs,
    ours: waysOn(stage).map((way) => ({
      name: way.name,
      sample: () => speed(tree, () => way.backup(tree.name)),
    })),
    theirs: othersOn(stage).map((one) => ({
      name: one.name,
      sample: async () => {
        await one.prepare();
        return speed(tree, () => one.backup(stage.pathOf(tree.name)));
      },
    })),
  });
}

/** Volumes to restore to: `target` by us, `other` by others. */
interface Targets extends Scale {
  readonly target: string;
  readonly other: string;
}

function restores(stage: Stage, tree: Tree, { runs, target, other }: Targets): Promise<Comparison[]> {
  return allInTurn({
    what: (name) => `\`volume restore\`, ${name}: ${tree.title}`,
    unit: 'MiB/s',
    runs,
    ours: waysOn(stage).map((way) => ({
      name: way.name,
      sample: async () => {
        await emptied(stage, target);
        return speed(tree, () => way.restore(target));
      },
    })),
    theirs: othersOn(stage).map((one) => ({
      name: one.name,
      sample: async () => {
        await stage.host('sh', '-ec', clear, 'sh', stage.pathOf(other));
        return speed(tree, () => one.restore(stage.pathOf(other)));
      },
    })),
  });
}

/** A restore wants a volume that nobody uses. */
async function emptied({ host }: Stage, volume: string): Promise<void> {
  const args = `run --rm --network none -v ${volume}:/data --volume-driver hivemind busybox`.split(' ');
  await host('docker', ...args, 'sh', '-ec', clear, 'sh', '/data');
}
