import { randomUUID } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CutTask, HostTask, VerifyTask } from '#shared/model/task.ts';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { until } from '#test/support/until.ts';
import { hostA, startRig, type Rig } from './support/agent.ts';
import { openBucket, type Bucket } from './support/bucket.ts';
import { copyOf } from './support/copy-of.ts';

/** The agent's part of a drill: the manifest after a cut, and the look into the copy. */
let rig: Rig;
let bucket: Bucket;
let path: string;
beforeEach(async () => {
  rig = await startRig();
  bucket = await openBucket();
  rig.cloud.bucket = bucket.url;
  await rig.plugin('Create', { Name: 'data', Opts: { size: '1G' } });
  path = (await rig.plugin('Mount', { Name: 'data', ID: 'one' })).Mountpoint ?? '';
  for (let n = 0; n < 20; n++) await writeFile(join(path, `file-${n}`), `content ${n}`);
});
afterEach(async () => {
  await bucket.close();
  await rig.close();
});

const newId = () => `op-${randomUUID().replaceAll('-', '').slice(0, 26)}`;
const soon = () => new Date(Date.now() + 60_000).toISOString();

function ask<T extends HostTask>(task: T): T {
  rig.cloud.tasks.push(task);
  rig.daemon().wake();
  return task;
}

const resultOf = async ({ operationId }: HostTask) =>
  until('the task is reported', () => Promise.resolve(rig.cloud.results.get(operationId)));

function askCut(): CutTask {
  const { id: volumeId, epoch } = rig.cloud.volume('data');
  const kind = { kind: 'cut', consistency: 'freeze', begun: false } as const;
  return ask({ operationId: newId(), volumeId, epoch, deadline: soon(), ...kind });
}

/** A cut whose manifest is written, and a copy of the device as of then on another one. */
async function cutAndCopy(): Promise<VerifyTask> {
  const task = askCut();
  expect(await resultOf(task)).toMatchObject({ outcome: 'done' });
  const manifest = await until('the manifest is written', () =>
    Promise.resolve(rig.cloud.manifests.get(task.operationId)),
  );
  return {
    ...(await copyOf(rig, { name: 'data', path })),
    kind: 'verify',
    operationId: newId(),
    epoch: 1,
    deadline: soon(),
    begun: false,
    backupId: `bak-${'0'.repeat(26)}`,
    manifest,
    patienceSeconds: 60,
  };
}

async function left(): Promise<string[]> {
  const mounted = await systemMounts(systemExec(silentLog)).list();
  const mounts = mounted.filter(({ mountpoint }) => mountpoint.startsWith(join(rig.root, 'verify')));
  const files = await readdir(join(rig.root, 'manifests')).catch(() => []);
  return [...mounts.map(({ mountpoint }) => mountpoint), ...files];
}

describe('after a cut', () => {
  it('the manifest goes to the bucket, with the headers that were signed, and nothing stays here', async () => {
    const task = askCut();
    await resultOf(task);
    const manifest = await until('the manifest is written', () =>
      Promise.resolve(rig.cloud.manifests.get(task.operationId)),
    );
    expect(manifest).toMatchObject({ entries: 21, hashed: 20 });
    expect(bucket.objects.get('/manifest')?.length).toBe(manifest.bytes);
    expect(bucket.requests).toMatchObject([{ method: 'PUT', headers: { 'x-amz-checksum-sha256': 'write' } }]);
    await until('its file is gone', async () => (await left()).length === 0);
  });

  it('a bucket that refuses is logged; the cut is as good', async () => {
    bucket.refuse(403, 'AccessDenied');
    const task = askCut();
    expect(await resultOf(task)).toMatchObject({ outcome: 'done' });
    await until('it is logged', () =>
      Promise.resolve(
        rig.log.some((line) => line.includes('no manifest') && line.includes('403 AccessDenied')),
      ),
    );
    expect(rig.cloud.manifests.size).toBe(0);
    await until('its file is gone', async () => (await left()).length === 0);
  });
});

describe('a drill', () => {
  it('of a whole copy passes, beside the volume itself', async () => {
    const task = ask(await cutAndCopy());
    const { verify } = (await resultOf(task)) ?? {};
    expect(verify).toMatchObject({
      outcome: 'passed',
      manifest: true,
      mark: true,
      mismatches: [],
      hashed: 20,
    });
    expect(await left()).toEqual([]);
  });

  it('with another manifest than the control plane knows fails, and mounts nothing', async () => {
    const task = await cutAndCopy();
    bucket.objects.set('/manifest', Buffer.from('other'));
    ask(task);
    expect(await resultOf(task)).toMatchObject({ outcome: 'failed', error: { code: 'StorageFailed' } });
    expect(await left()).toEqual([]);
  });

  it('without its device fails', async () => {
    const task = await cutAndCopy();
    await rig.devices.take(hostA, task.serial);
    ask(task);
    expect(await resultOf(task)).toMatchObject({ outcome: 'failed', error: { code: 'DeviceRefused' } });
  });

  it('whose agent is stopped in the middle leaves nothing mounted', async () => {
    const task = await cutAndCopy();
    ask({ ...task, check: { command: 'sleep 3', timeoutSeconds: 60 } });
    await until('the copy is mounted', async () => (await left()).some((name) => name.includes('/verify/')));
    await rig.restart();
    expect(await left()).toEqual([]);
  });
});
