import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { put } from '#shared/aws/table/writes.ts';
import { DrillBackup } from '#shared/model/drill.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import type { VerifyReport } from '#shared/model/verify.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { CreateBackup } from '#shared/model/backup.ts';
import { judge } from '#test/unit/workers/support/judge.ts';
import { call, existing, hostA, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

export const passed: VerifyReport = {
  outcome: 'passed',
  filesystemCheck: { clean: true, output: 'clean' },
  manifest: true,
  mark: true,
  entries: 12,
  compared: 11,
  hashed: 10,
  wrong: 0,
  mismatches: [],
  seconds: 3,
  mountSeconds: 0.5,
};
export const failed: VerifyReport = {
  ...passed,
  outcome: 'failed',
  wrong: 1,
  mismatches: ['"data/a": is missing'],
};

/** A world with an idle volume `data` on host A, and a complete backup of it. */
export async function backedUp(options: WorldOptions = {}): Promise<{ world: World; backup: BackupItem }> {
  const world = new World(options);
  await world.addHost(hostA);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  const request = { volume: 'data', ...CreateBackup.parse({}) };
  const { body } = await createBackup(world.api, call(), request);
  await world.run(body.id);
  return { world, backup: await backupOf(world, body.backup ?? '') };
}

export async function backupOf(world: World, id: string): Promise<BackupItem> {
  return existing(await world.table.readBackup(id), id);
}

export async function drill(world: World, { id }: BackupItem, parts: object = {}): Promise<OperationItem> {
  const { body } = await drillBackup(world.api, call(), { backup: id, ...DrillBackup.parse(parts) });
  return world.operation(body.id);
}

/** What the state machine and the host's agent do, until the operation ends. */
export async function carryOut(
  world: World,
  { id }: OperationItem,
  answer: TaskItem['result'],
): Promise<OperationItem> {
  for (let count = 0; count < 300; count++) {
    await hostAnswers(world, id, answer);
    const { outcome, waitSeconds } = await world.step(id);
    if (outcome === 'done' || outcome === 'failed') break;
    world.pass(waitSeconds);
  }
  return world.operation(id);
}

export async function hostAnswers(world: World, id: string, result: TaskItem['result']): Promise<void> {
  const at = world.clock().toISOString();
  await world.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
  const task = await world.table.read('task', keys.task(id));
  if (task !== undefined && task.result === undefined && result !== undefined)
    await world.table.transact(answerTask(task, result));
}

/** Records and EC2 volumes but for the one volume that there was. */
export async function leftOf(world: World): Promise<unknown[]> {
  const own = (await world.volume('data')).volume;
  const ids = [...world.storage.truth.volumes.values()]
    .filter(
      ({ state, tags }) => state !== 'deleting' && state !== 'error' && tags['hivemind:volume-id'] !== own.id,
    )
    .map(({ id }) => id);
  const records = [...world.store.items.values()].filter(
    (item) => item['entity'] === 'volume' && item['id'] !== own.id,
  );
  const tasks = [...world.store.items.values()].filter((item) => item['entity'] === 'hostTask');
  return [...ids, ...records, ...tasks, ...(await judge(world))];
}

export const done = (verify: VerifyReport) => ({ outcome: 'done', verify }) as const;
