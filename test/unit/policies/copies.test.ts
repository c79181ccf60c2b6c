import { describe, expect, it } from 'vitest';
import { UpdatePolicy } from '#shared/model/policy.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { updatePolicy } from '#functions/policies/change-policy.ts';
import { previewPolicy } from '#functions/policies/preview-policy.ts';
import { prune } from '#functions/policies/retain.ts';
import { runPolicy } from '#functions/policies/run-policy.ts';
import { runStep } from '#functions/policies/run-step.ts';
import { findPolicy } from '#functions/policies/view.ts';
import { abroad, call, existing, type WorldOptions } from '#test/unit/workers/support/world.ts';
import { mountOnce, network } from '#test/unit/backups/support/recovery-world.ts';
import { PolicyWorld } from './support/policy-world.ts';

const day = 86_400;

/** Volumes under a policy that copies. */
async function copying(names: readonly string[], options: WorldOptions = {}): Promise<PolicyWorld> {
  const world = await PolicyWorld.withVolumes(names, options);
  await world.policy({ copyTo: abroad, retention: { last: 2 } });
  return world;
}

const places = (backups: readonly BackupItem[]) =>
  backups.map(({ region, state, origin }) => ({ region, state, origin }));
const here = { region: 'us-east-1', state: 'available', origin: 'policy' };
const there = { region: abroad, state: 'available', origin: 'copy' };

/** Operations that retention has begun come to their end. */
async function settle(world: PolicyWorld): Promise<void> {
  for (let count = 0; count < 20; count++) {
    await world.workOperations();
    world.pass(2);
  }
}

describe('a policy that copies', () => {
  it('copies each backup of a run, and the run is done when the copies are', async () => {
    const world = await copying(['a', 'b']);
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, open: 0, made: 2, failed: 0 } });
    for (const name of ['a', 'b']) {
      const backups = await world.backupsOf(name);
      expect(places(backups)).toEqual([here, there]);
      const [backup, copy] = backups;
      expect(copy).toMatchObject({ copyOf: backup?.id, policy: run.policyId, createdBy: 'hivemind:policy' });
      const { id } = (await world.volume(name)).volume;
      const item = await world.table.read('runVolume', keys.runVolume(run.id, id, false));
      expect(item).toMatchObject({ state: 'made', backup: backup?.id, copy: copy?.id });
    }
  });

  it('copies the recovery points of network volumes: one copy for all of a run', async () => {
    const world = await PolicyWorld.withVolumes([]);
    for (const name of ['a', 'b']) {
      const options = { ...network, labels: { backup: 'true' } };
      await world.run(await world.create(name, options));
      await mountOnce(world, name);
    }
    await world.policy({ copyTo: abroad, retention: { last: 2 } });
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, open: 0, made: 2, failed: 0 } });
    for (const name of ['a', 'b']) expect(places(await world.backupsOf(name))).toEqual([here, there]);
    expect(world.recovery.begun).toMatchObject({ backups: 1, copies: 1 });
    expect(world.recoveryAbroad.points.size).toBe(1);
  });

  it('whose Region has no vault copies no recovery point, and says so', async () => {
    const world = await PolicyWorld.withVolumes([], { vaultRegions: [] });
    await world.run(await world.create('a', { ...network, labels: { backup: 'true' } }));
    await mountOnce(world, 'a');
    await world.policy({ copyTo: abroad, retention: { last: 2 } });
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'failed', counts: { failed: 1 } });
    expect((await volumeOf(world, run.id, 'a')).reason).toContain(`no vault of AWS Backup in ${abroad}`);
  });

  it('keeps no volume waiting for a copy: backups are all made and pruned before', async () => {
    const world = await copying(['a', 'b'], { delays: { copy: 3 * 3_600_000 } });
    const { body } = await runPolicy(world.ports, call(), { policy: 'nightly' });
    for (let count = 0; count < 60; count++) {
      world.pass((await runStep(world.ports, { runId: body.id })).waitSeconds);
      await world.workOperations();
    }
    const run = await world.runOf(body.id);
    expect(run).toMatchObject({ state: 'copying', counts: { open: 0, made: 2 } });
    expect(await world.carryOut(body.id)).toMatchObject({ state: 'succeeded' });
  });

  it('fails the run, and says of which volume, when a copy fails', async () => {
    const world = await copying(['a', 'b'], failing(1));
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'failed', counts: { made: 1, failed: 1 } });
    const items = await Promise.all(['a', 'b'].map((name) => volumeOf(world, run.id, name))); // eslint-disable-line hivemind/no-unbounded-all -- two
    const [failed, ...others] = items.filter(({ state }) => state === 'failed');
    expect(others).toEqual([]);
    expect(failed?.reason).toContain(`not copied to ${abroad}: EC2 could not finish`);
  });

  it('gives up on copies after 20 hours, which go on', async () => {
    const world = await copying(['a'], { delays: { copy: 30 * 3_600_000 } });
    const { body } = await runPolicy(world.ports, call(), { policy: 'nightly' });
    const run = await world.carryOut(body.id, 3_000);
    expect(run).toMatchObject({ state: 'failed', counts: { made: 0, failed: 1 } });
    expect((await volumeOf(world, run.id, 'a')).reason).toContain('20 hours');
    world.pass(20 * 3_600);
    await settle(world);
    expect(places(await world.backupsOf('a'))).toEqual([here, there]);
  });

  it('whose Region is not there any more fails the run with the reason', async () => {
    const world = await copying(['a']);
    const settings = { ...world.ports.settings, copyRegions: [] };
    const { body } = await runPolicy(world.ports, call(), { policy: 'nightly' });
    for (let outcome = ''; outcome !== 'failed' && outcome !== 'done';) {
      const answer = await runStep({ ...world.ports, settings }, { runId: body.id });
      outcome = answer.outcome;
      await world.workOperations();
      world.pass(answer.waitSeconds);
    }
    expect(await world.runOf(body.id)).toMatchObject({ state: 'failed' });
    expect((await volumeOf(world, body.id, 'a')).reason).toContain(`no key in ${abroad}`);
  });

  it('that wants no more copies makes none, and was refused one where there is no key', async () => {
    const world = await copying(['a']);
    const update = (copyTo: string | null) =>
      updatePolicy(world.ports, call(), { policy: 'nightly', update: UpdatePolicy.parse({ copyTo }) });
    await expect(update('ap-southeast-2')).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { allowed: `${abroad}, us-east-1` },
    });
    await expect(update('us-east-1')).rejects.toMatchObject({ code: 'InvalidInput' });
    const { body } = await update(null);
    expect(body).not.toHaveProperty('copyTo');
    await world.runNow();
    expect(places(await world.backupsOf('a'))).toEqual([here]);
  });
});

describe('retention of copies', () => {
  async function ran(days: number): Promise<PolicyWorld> {
    const world = await copying(['a']);
    for (let count = 0; count < days; count++) {
      await world.runNow();
      await settle(world);
      world.pass(day);
    }
    return world;
  }

  it('follows the rules of the policy, by themselves in their Region', async () => {
    const world = await ran(4);
    const counts = { here: 0, there: 0 };
    for (const { region } of await world.backupsOf('a')) counts[region === abroad ? 'there' : 'here']++;
    // The copy of the last run came after its retention.
    expect(counts).toEqual({ here: 2, there: 3 });
    expect([world.storage.truth.snapshots.size, world.abroad.truth.snapshots.size]).toEqual([2, 3]);
    const preview = await previewPolicy(world.ports, { namespace: 'default', policy: 'nightly' }, {});
    const [volume] = preview.items;
    expect(volume?.kept.map(({ region }) => region)).toEqual([undefined, undefined, abroad, abroad]);
    expect(volume?.pruned.map(({ region }) => region)).toEqual([abroad]);
  });

  it('retention-copies-apart: no copy takes the place of a backup, and the last good one of each place stays', async () => {
    const world = await ran(2);
    const policy = await findPolicy(world.table, 'default', 'nightly');
    const { id } = (await world.volume('a')).volume;
    await prune(world.ports, { ...policy, retention: { last: 1 } }, id);
    await settle(world);
    const left = await world.backupsOf('a');
    expect(places(left)).toEqual([here, there]);
    expect(left[1]?.copyOf).toBe(left[0]?.id);
  });

  it('leaves copies that somebody made by hand alone, and outlives what was copied', async () => {
    const world = await ran(1);
    const [backup] = await world.backupsOf('a');
    await deleteBackup(world.api, call(), { backup: existing(backup, 'backup').id });
    await settle(world);
    expect(places(await world.backupsOf('a'))).toEqual([there]);
    const policy = await findPolicy(world.table, 'default', 'nightly');
    const { id } = (await world.volume('a')).volume;
    expect(await prune(world.ports, { ...policy, retention: { last: 1 } }, id)).toEqual([]);
  });
});

/** So many copies end in an error. */
function failing(count: number): WorldOptions {
  let left = count;
  return { fault: (action) => (action === 'copySnapshot' && left-- > 0 ? 'error' : undefined) };
}

async function volumeOf(world: PolicyWorld, runId: string, name: string) {
  const { id } = (await world.volume(name)).volume;
  return existing(await world.table.read('runVolume', keys.runVolume(runId, id, false)), name);
}
