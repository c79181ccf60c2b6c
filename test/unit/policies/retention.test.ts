import { describe, expect, it } from 'vitest';
import { replace } from '#shared/aws/table/writes.ts';
import { CreateBackup, HoldBackup, RestoreBackup } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import type { Retention } from '#shared/model/retention.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { holdBackup } from '#functions/backups/hold-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { findPolicy } from '#functions/policies/view.ts';
import { previewPolicy } from '#functions/policies/preview-policy.ts';
import { prune } from '#functions/policies/retain.ts';
import { call, existing } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from './support/policy-world.ts';

const day = 86_400;
const on = { namespace: 'default', policy: 'nightly' };

/** A volume `a` with a backup of the policy of each of some days, under rules that keep all of them. */
async function backedUp(days: number): Promise<PolicyWorld> {
  const world = await PolicyWorld.withVolumes(['a']);
  await world.policy({ retention: {} });
  for (let count = 0; count < days; count++) {
    await world.runNow();
    world.pass(day);
  }
  return world;
}

/** From now on these rules hold; what they say is begun and done. */
async function pruned(world: PolicyWorld, retention: Retention): Promise<string[]> {
  const policy = await findPolicy(world.table, 'default', 'nightly');
  const { id } = (await world.volume('a')).volume;
  const ids = await prune(world.ports, { ...policy, retention }, id);
  await settle(world);
  return ids;
}

async function settle(world: PolicyWorld): Promise<void> {
  for (let count = 0; count < 20; count++) {
    await world.workOperations();
    world.pass(2);
  }
}

const ids = (backups: readonly BackupItem[]): string[] => backups.map(({ id }) => id);

async function fail(world: PolicyWorld, backup: BackupItem | undefined): Promise<void> {
  const was = existing(backup, 'backup');
  await world.table.transact([replace('backup', was, { ...was, state: 'failed' })]);
}

describe('retention after a run', () => {
  it('keeps what the rules keep, and removes the rest in AWS too', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    await world.policy({ retention: { last: 2 } });
    for (let count = 0; count < 4; count++) {
      await world.runNow();
      world.pass(day);
    }
    await settle(world);
    expect(await world.backupsOf('a')).toHaveLength(2);
    expect(world.storage.truth.snapshots.size).toBe(2);
  });

  it('names itself in the operations of its removals', async () => {
    const world = await backedUp(2);
    await pruned(world, { last: 1 });
    const { items } = await world.table.list('operationIndex', { pk: 'NS#default#OPS', reverse: true });
    const newest = await world.operation(items[0]?.operationId ?? '');
    expect(newest).toMatchObject({ kind: 'deleteBackup', caller: 'hivemind:policy', status: 'succeeded' });
  });
});

describe('contract 7: retention', () => {
  it('retention-last-good: never removes the last good backup, whatever came after it', async () => {
    const world = await backedUp(3);
    const [first, second, third] = await world.backupsOf('a');
    await fail(world, second);
    await fail(world, third);
    // The last day has no good backup: the rule for it keeps none.
    const preview = await previewPolicy(world.ports, on, {});
    expect(preview.items[0]?.kept.find(({ backup }) => backup === first?.id)?.protected).toContain(
      'last-good',
    );
    await pruned(world, { last: 1 });
    expect(ids(await world.backupsOf('a'))).toContain(first?.id);
  });

  it('retention-last-good-stays: removes nothing when the last good backup went in the meantime', async () => {
    const world = await backedUp(2);
    const [older, last] = await world.backupsOf('a');
    const keeping = existing(last, 'last backup');
    const { body } = await deleteBackup(world.ports, call(), { backup: keeping.id });
    await world.run(body.id);
    const removal = deleteBackup(world.ports, call(), { backup: older?.id ?? '', keeping });
    await expect(removal).rejects.toMatchObject({ code: 'Conflict' });
    expect(ids(await world.backupsOf('a'))).toEqual([older?.id]);
  });

  it('retention-own: looks at nothing but the policy’s own backups', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    const { body } = await createBackup(world.api, call(), { volume: 'a', ...CreateBackup.parse({}) });
    await world.run(body.id);
    await world.policy({ name: 'other', retention: {} });
    await world.runNow('other');
    await world.policy({ retention: {} });
    for (let count = 0; count < 2; count++) {
      world.pass(day);
      await world.runNow();
    }
    const [manual, other] = await world.backupsOf('a');
    await pruned(world, { last: 1 });
    expect(ids(await world.backupsOf('a')).slice(0, 2)).toEqual([manual?.id, other?.id]);
    expect(await world.backupsOf('a')).toHaveLength(3);
  });

  it('retention-held: neither removes nor tries one under a hold', async () => {
    const world = await backedUp(3);
    const [first, second] = await world.backupsOf('a');
    await holdBackup(world.api, call(), { backup: first?.id ?? '', held: true, ...HoldBackup.parse({}) });
    const tried = world.ports;
    const warned: unknown[] = [];
    const policy = { ...(await findPolicy(world.table, 'default', 'nightly')), retention: { last: 1 } };
    const { id } = (await world.volume('a')).volume;
    const log = { ...tried.log, warn: (...said: unknown[]) => void warned.push(said) };
    expect(await prune({ ...tried, log }, policy, id)).toEqual([second?.id]);
    expect(warned).toEqual([]);
  });

  it('retention-in-use: neither removes nor tries one that is being restored', async () => {
    const world = await backedUp(3);
    const [first, second] = await world.backupsOf('a');
    await restoreBackup(world.api, call(), {
      backup: first?.id ?? '',
      ...RestoreBackup.parse({ name: 'copy' }),
    });
    const warned: unknown[] = [];
    const policy = { ...(await findPolicy(world.table, 'default', 'nightly')), retention: { last: 1 } };
    const { id } = (await world.volume('a')).volume;
    const log = { ...world.ports.log, warn: (...said: unknown[]) => void warned.push(said) };
    expect(await prune({ ...world.ports, log }, policy, id)).toEqual([second?.id]);
    expect(warned).toEqual([]);
  });

  it('removes nothing where nothing is good', async () => {
    const world = await backedUp(2);
    for (const backup of await world.backupsOf('a')) await fail(world, backup);
    expect(await pruned(world, { last: 1 })).toEqual([]);
  });

  it('goes on when one removal is refused', async () => {
    const world = await backedUp(3);
    const [first, second] = await world.backupsOf('a');
    const policy = { ...(await findPolicy(world.table, 'default', 'nightly')), retention: { last: 1 } };
    const { id } = (await world.volume('a')).volume;
    const { table } = world.ports;
    const read = table.readBackup.bind(table);
    table.readBackup = (asked) =>
      asked === second?.id
        ? Promise.reject(new ProductError('Unavailable', 'The table does not answer.'))
        : read(asked);
    expect(await prune(world.ports, policy, id)).toEqual([first?.id]);
  });
});

describe('a preview', () => {
  it('says what is selected, when it runs next, what would go, and which rule keeps what stays', async () => {
    const world = await backedUp(3);
    await world.run(await world.create('blank', { labels: { backup: 'true' } }));
    const [first, second, third] = await world.backupsOf('a');
    const policy = await findPolicy(world.table, 'default', 'nightly');
    const next = { ...policy, retention: { last: 1, daily: 2 }, timezone: 'Europe/Berlin' };
    await world.table.transact([replace('policy', policy, next)]);
    const preview = await previewPolicy(world.ports, on, {});
    expect(preview.timezone).toBe('Europe/Berlin');
    expect(preview.nextRuns.slice(0, 2)).toEqual(['2026-11-27T01:00:00.000Z', '2026-11-28T01:00:00.000Z']);
    expect(preview.nextRuns).toHaveLength(5);
    const [a, blank] = preview.items;
    expect(blank).toMatchObject({ volume: 'blank', skipped: expect.stringContaining('blank'), kept: [] });
    expect(a?.pruned.map(({ backup }) => backup)).toEqual([first?.id]);
    expect(a?.kept).toMatchObject([
      {
        backup: third?.id,
        rules: [
          { rule: 'last', period: '1' },
          { rule: 'daily', period: '2026-11-25' },
        ],
        protected: ['last-good'],
      },
      { backup: second?.id, rules: [{ rule: 'daily', period: '2026-11-24' }], protected: [] },
    ]);
    expect(await world.backupsOf('a')).toHaveLength(3);
  });
});
