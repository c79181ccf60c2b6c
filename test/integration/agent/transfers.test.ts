import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportSource } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { HostTask } from '#shared/model/task.ts';
import { until } from '#test/support/until.ts';
import { openObjectStorage, type FakeObjectStorage } from '../archives/support/fake-object-storage.ts';
import { hostA, startRig, type Rig } from './support/agent.ts';
import { metadata } from './support/metadata.ts';

describe('archives that the control plane asks for', () => {
  let rig: Rig;
  let storage: FakeObjectStorage;
  let source: ImportSource;
  beforeEach(async () => {
    rig = await startRig();
    storage = await openObjectStorage();
    rig.cloud.archives = {
      signExportParts: async (_, { attempt, parts }) => [...(await storage.urlsOf(attempt)(parts))],
      completeExport: (_, { attempt, sizeBytes, sha256 }) => {
        storage.object = storage.complete(attempt);
        source = { url: '', sizeBytes, sha256 };
        return Promise.resolve();
      },
      importSource: async () => ({ ...source, url: await storage.objectUrl() }),
    };
    await rig.plugin('Create', { Name: 'data', Opts: { size: '1G' } });
  });
  afterEach(async () => {
    await rig.close();
    await storage.close();
  });

  async function ask(kind: 'export' | 'import', name = 'data') {
    const { id: volumeId, epoch } = rig.cloud.volume(name);
    const operationId = `op-${randomUUID().replaceAll('-', '').slice(0, 26)}`;
    const deadline = new Date(Date.now() + 60_000).toISOString();
    const task = { operationId, volumeId, epoch, name, deadline, begun: false };
    const asked: HostTask = kind === 'export' ? { ...task, kind, metadata } : { ...task, kind };
    rig.cloud.tasks.push(asked);
    rig.daemon().wake();
    return until('the task is reported', () => rig.cloud.results.get(operationId));
  }

  /** A file in the volume, which nobody uses any more and no host has. */
  async function written(): Promise<void> {
    const { Mountpoint = '' } = await rig.plugin('Mount', { Name: 'data', ID: 'one' });
    await writeFile(join(Mountpoint, 'file'), 'kept');
    await rig.plugin('Unmount', { Name: 'data', ID: 'one' });
    const { id, epoch } = rig.cloud.volume('data');
    await rig.cloud.as(hostA).release(id, epoch);
  }
  const away = (name: string) =>
    until(`${name} is given back`, () => rig.cloud.volume(name).hosts.size === 0 || undefined);

  it('are packed of a volume that nobody has, which is claimed for it and given back', async () => {
    await written();
    expect(await ask('export')).toMatchObject({ outcome: 'done', transfer: { files: 1, notes: [] } });
    expect(gunzipSync(storage.object).includes('kept')).toBe(true);
    await away('data');
  });

  it('are unpacked into a volume that was never used, once, and leave nothing of their own', async () => {
    await written();
    await ask('export');
    await rig.plugin('Create', { Name: 'copy', Opts: { size: '1G' } });
    expect(await ask('import', 'copy')).toMatchObject({ outcome: 'done', transfer: { files: 1 } });
    await away('copy');
    const { Mountpoint = '' } = await rig.plugin('Mount', { Name: 'copy', ID: 'two' });
    expect(await readdir(Mountpoint)).toEqual(['file']);
    expect(await readFile(join(Mountpoint, 'file'), 'utf8')).toBe('kept');
    const again = await ask('import', 'copy');
    expect(again).toMatchObject({ outcome: 'failed', error: { code: 'IllegalState' } });
    expect(await readdir(Mountpoint)).toEqual(['file']);
  });

  it('leave a volume to the container that uses it', async () => {
    const { Mountpoint = '' } = await rig.plugin('Mount', { Name: 'data', ID: 'one' });
    await mkdir(join(Mountpoint, 'folder'));
    expect(await ask('export')).toMatchObject({ outcome: 'done' });
    expect(await readdir(Mountpoint)).toEqual(['folder']);
    expect(rig.cloud.volume('data').hosts.get(hostA)?.inUse).toBe(true);
  });

  it('that nobody wants any more, or another host’s volume, are reported as failed', async () => {
    await written();
    const refusal = new ProductError('OperationNotFound', 'given up');
    rig.cloud.archives = { ...rig.cloud.archives, signExportParts: () => Promise.reject(refusal) };
    expect(await ask('export')).toMatchObject({ outcome: 'failed', error: { code: 'OperationNotFound' } });
    await away('data');
    await rig.cloud.as('i-0bbbbbbbbbbbbbbbb').claim('data');
    const { id, epoch } = rig.cloud.volume('data');
    await rig.cloud.as('i-0bbbbbbbbbbbbbbbb').setLease(id, { epoch, inUse: true });
    expect(await ask('export')).toMatchObject({ outcome: 'failed', error: { code: 'VolumeBusy' } });
  });

  it('go on with the next agent when one is stopped in the middle', async () => {
    await written();
    const { archives } = rig.cloud;
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    let tries = 0;
    rig.cloud.archives = {
      ...archives,
      signExportParts: async (...call) => {
        if (++tries === 1) await stopped;
        return archives.signExportParts(...call);
      },
    };
    const result = ask('export');
    await until('it sends', () => tries === 1);
    const restarted = rig.restart();
    stop();
    await restarted;
    expect(await result).toMatchObject({ outcome: 'done', transfer: { files: 1 } });
    expect(tries).toBeGreaterThan(1);
  });
});
