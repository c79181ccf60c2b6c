import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocateTask } from '#shared/model/task.ts';
import type { MountEntry, MountRequest, Mounts } from '#agent/host/mounts.ts';
import { locate } from '#agent/tasks/locate.ts';

const path = '/volumes/vol-one';
const task: LocateTask = {
  operationId: 'op-00000000000000000000000000',
  volumeId: 'vol-00000000000000000000000000',
  kind: 'locate',
  epoch: 0,
  deadline: '2026-11-30T00:05:00.000Z',
  begun: false,
  fileSystemId: 'fs-1',
  accessPointId: 'fsap-1',
  path,
  since: '2026-11-30T00-00-00',
};

/** The file system's root appears at the target as long as it is mounted. */
class FakeRoot implements Mounts {
  readonly requests: MountRequest[] = [];
  #target: string | undefined;
  readonly #fill: (root: string) => Promise<void>;

  constructor(fill: (root: string) => Promise<void>) {
    this.#fill = fill;
  }

  list(): Promise<MountEntry[]> {
    if (this.#target === undefined) return Promise.resolve([]);
    const rest = { device: '0:1', root: '/', options: [], peers: [], fstype: 'nfs4', source: 'fs-1' };
    return Promise.resolve([{ ...rest, mountpoint: this.#target }]);
  }

  async mount(request: MountRequest): Promise<void> {
    this.requests.push(request);
    this.#target = request.target;
    await this.#fill(request.target);
  }

  async unmount(target: string): Promise<void> {
    this.#target = undefined;
    for (const name of await readdir(target)) await rm(join(target, name), { recursive: true });
  }

  readonly bind = (): Promise<void> => Promise.resolve();
  readonly remount = (): Promise<void> => Promise.resolve();
}

describe('a look for what AWS has restored', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hivemind-looks-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const look = (mounts: Mounts) => locate({ mounts, directory }, task);

  it('names the directories that hold the path, of that time or later', async () => {
    const mounts = new FakeRoot(async (root) => {
      const names = [
        '2026-11-29T23-59-59-999999999Z',
        '2026-11-30T00-00-00-000000001Z',
        '2026-11-30T00-00-07-5Z',
      ];
      for (const name of names)
        await mkdir(join(root, `aws-backup-restore_${name}`, path), { recursive: true });
      await mkdir(join(root, 'aws-backup-restore_2026-11-30T00-00-03-000000000Z', 'volumes'), {
        recursive: true,
      });
      await mkdir(join(root, path), { recursive: true });
    });
    expect(await look(mounts)).toEqual({
      outcome: 'done',
      found: [
        'aws-backup-restore_2026-11-30T00-00-00-000000001Z',
        'aws-backup-restore_2026-11-30T00-00-07-5Z',
      ],
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('mounts the root read-only, as the access point asked for', async () => {
    const mounts = new FakeRoot(() => Promise.resolve());
    expect(await look(mounts)).toEqual({ outcome: 'done', found: [] });
    const [request] = mounts.requests;
    expect(request).toMatchObject({ source: 'fs-1:/', fstype: 'efs' });
    expect(request?.options).toEqual(
      expect.arrayContaining(['ro', 'noexec', 'nosuid', 'nodev', 'accesspoint=fsap-1']),
    );
  });

  it('follows no link', async () => {
    const mounts = new FakeRoot(async (root) => {
      const name = join(root, 'aws-backup-restore_2026-11-30T00-00-03-000000000Z');
      await mkdir(join(root, 'elsewhere', 'vol-one'), { recursive: true });
      await mkdir(name);
      await symlink(join(root, 'elsewhere'), join(name, 'volumes'));
    });
    expect(await look(mounts)).toEqual({ outcome: 'done', found: [] });
  });

  it('leaves no mount behind when it fails', async () => {
    const mounts = new FakeRoot(() => Promise.reject(new TypeError('no network')));
    await expect(look(mounts)).rejects.toThrow('no network');
    expect(await mounts.list()).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
  });
});
