import type { Machine } from '#local/hosts/machine.ts';
import { freezes } from './backups/freeze.ts';
import { increments } from './backups/increments.ts';
import { policyRuns } from './backups/policy-runs.ts';
import type { Scale } from './backups/scale.ts';
import { stageOn, type Stage } from './backups/stage.ts';
import { throughput } from './backups/throughput.ts';
import { treesOf, type Tree } from './backups/trees.ts';
import type { Comparison } from './measure.ts';

/** Parts of the benchmark that are about backups; `backups` on the command line means them all. */
export const backupParts = ['increments', 'freezes', 'archives', 'policies'] as const;

/** Each part's work, on a host of a cloud; volumes with the trees are made by the first part that needs them. */
export function backupWork(
  home: string,
  machine: Machine,
  scale: Scale,
): Readonly<Record<(typeof backupParts)[number], () => Promise<Comparison[]>>> {
  const stage = stageOn(home, machine);
  const filled = new Set<string>();
  const overTrees = async (work: (tree: Tree) => Promise<Comparison[]>): Promise<Comparison[]> => {
    const rows: Comparison[] = [];
    for (const tree of treesOf(scale)) {
      if (!filled.has(tree.name)) await fill(stage, tree);
      filled.add(tree.name);
      rows.push(...(await stage.whileUsed(tree.name, () => work(tree))));
    }
    return rows;
  };
  return {
    archives: () => overTrees((tree) => throughput(stage, tree, scale)),
    increments: () => overTrees((tree) => increments(stage, tree)),
    freezes: () => freezes(stage, scale),
    policies: () => policyRuns(scale),
  };
}

/** Makes the tree's volume with its files. */
async function fill(stage: Stage, tree: Tree): Promise<void> {
  await stage.create(tree.name);
  await stage.whileUsed(tree.name, async () => {
    tree.fill(stage.seenFrom(tree.name));
    await stage.host('sync', '-f', stage.pathOf(tree.name));
  });
}
