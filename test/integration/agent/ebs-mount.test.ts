import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { startRig, type Rig } from './support/agent.ts';

describe.each(['ext4', 'xfs'])('a block volume with %s', (filesystem) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(async () => {
    await rig.close();
  });

  it('is attached, formatted once, mounted, written, unmounted and found again', async () => {
    const { plugin, cloud, root } = rig;
    const opts = { size: '1G', filesystem, uid: '1000', gid: '1001', mode: '0750' };
    expect(await plugin('Create', { Name: 'data', Opts: opts })).toEqual({ Err: '' });
    const mounted = await plugin('Mount', { Name: 'data', ID: 'one' });
    expect(mounted).toEqual({ Err: '', Mountpoint: join(root, 'volumes/data') });
    const path = mounted.Mountpoint ?? '';
    expect(await readdir(path)).toEqual([]);
    const { uid, gid, mode } = await stat(path);
    expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: 1000, gid: 1001, mode: 0o750 });
    await writeFile(join(path, 'hello'), 'world');
    expect(cloud.volume('data').filesystem).toMatchObject({
      state: 'formatted',
      type: filesystem,
      mounted: true,
    });

    expect(await plugin('Unmount', { Name: 'data', ID: 'one' })).toEqual({ Err: '' });
    expect([...cloud.volume('data').hosts.values()]).toEqual([
      { desired: 'attached', actual: 'attached', inUse: false },
    ]);
    expect(await plugin('Path', { Name: 'data' })).toEqual({ Err: '', Mountpoint: '' });

    await plugin('Mount', { Name: 'data', ID: 'two' });
    expect(await readFile(join(path, 'hello'), 'utf8')).toBe('world');
    expect(cloud.countOf('takeTicket')).toBe(1);
    await plugin('Unmount', { Name: 'data', ID: 'two' });
    expect(await plugin('Remove', { Name: 'data' })).toEqual({ Err: '' });
    expect(cloud.has('data')).toBe(false);
    await until('the record is gone', async () => (await readdir(join(root, 'records'))).length === 0);
  });
});
