import { allInTurn, milliseconds, type Comparison } from '../measure.ts';
import { othersOn, type Other } from './others.ts';
import type { Scale } from './scale.ts';
import type { Stage } from './stage.ts';
import type { Tree } from './trees.ts';
import { clear, waysOn, type Way } from './ways.ts';

/** MiB of the tree a second. */
async function speed(tree: Tree, work: () => Promise<void>): Promise<number> {
  return (tree.size * 1000) / (await milliseconds(work));
}

/** Backup and restore of a volume that holds a tree, each way of ours beside each of others, on the same files. */
export async function throughput(stage: Stage, tree: Tree, scale: Scale): Promise<Comparison[]> {
  const [target, other] = [`${tree.name}-back`, `${tree.name}-other`];
  for (const volume of [target, other]) await stage.create(volume);
  const contest = { ways: waysOn(stage, target), others: Object.values(othersOn(stage)), runs: scale.runs };
  const rows = [
    ...(await backups(stage, tree, contest)),
    ...(await stage.whileUsed(other, () =>
      restores(stage, tree, { ...contest, directory: stage.pathOf(other) }),
    )),
  ];
  for (const way of contest.ways) await way.end();
  for (const volume of [target, other]) await stage.remove(volume);
  return rows;
}

/** The same ones restore what they have backed up. */
interface Contest {
  readonly ways: readonly Way[];
  readonly others: readonly Other[];
  readonly runs: number;
}

function backups(stage: Stage, tree: Tree, { ways, others, runs }: Contest): Promise<Comparison[]> {
  return allInTurn({
    what: (name) => `\`volume backup\`, ${name}: ${tree.title}`,
    unit: 'MiB/s',
    runs,
    ours: ways.map((way) => ({
      name: way.name,
      sample: async () => {
        await way.beforeBackup();
        return speed(tree, () => way.backup(tree.name));
      },
    })),
    theirs: others.map((one) => ({
      name: one.name,
      sample: async () => {
        await one.prepare();
        return speed(tree, () => one.backup(stage.pathOf(tree.name)));
      },
    })),
  });
}

interface Restores extends Contest {
  /** Of a volume in use, for what others restore. */
  readonly directory: string;
}

function restores(
  stage: Stage,
  tree: Tree,
  { ways, others, runs, directory }: Restores,
): Promise<Comparison[]> {
  return allInTurn({
    what: (name) => `\`volume restore\`, ${name}: ${tree.title}`,
    unit: 'MiB/s',
    runs,
    ours: ways.map((way) => ({
      name: way.name,
      sample: async () => {
        await way.beforeRestore();
        return speed(tree, () => way.restore());
      },
    })),
    theirs: others.map((one) => ({
      name: one.name,
      sample: async () => {
        await stage.host('sh', '-ec', clear, 'sh', directory);
        return speed(tree, () => one.restore(directory));
      },
    })),
  });
}
