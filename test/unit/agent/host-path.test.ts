import { mkdir, mkdtemp, readdir, readlink, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bindDriver } from '#agent/drivers/bind/bind.driver.ts';
import { holdHostPath } from '#agent/drivers/bind/host-path.ts';
import { mountOptions } from '#agent/drivers/options.ts';
import { assignmentOf } from './builders.ts';
import { fakeMounts } from './fakes.ts';

let dir: string;
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'hivemind-paths-')));
  for (const name of ['data/inside', 'secret', 'data/agent/mounts'])
    await mkdir(join(dir, name), { recursive: true });
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const rules = () => ({ allowedRoots: [join(dir, 'data')], reserved: [join(dir, 'data/agent/mounts')] });
const hold = (path: string) => holdHostPath(join(dir, path), rules());

describe('a host path', () => {
  it('is held open and named by its descriptor', async () => {
    const held = await hold('data/inside');
    await rename(join(dir, 'data/inside'), join(dir, 'moved'));
    await symlink(join(dir, 'secret'), join(dir, 'data/inside'));
    expect(held.descriptor).toMatch(/^\/proc\/\d+\/fd\/\d+$/);
    // Whatever was put in its place: the descriptor is still the directory that was looked at.
    expect(await readlink(held.descriptor)).toBe(join(dir, 'moved'));
    await held.close();
  });

  it('is refused where the agent will have a directory of its own', async () => {
    const coming = { ...rules(), reserved: [join(dir, 'data/agent/purges')] };
    const driver = bindDriver({ mounts: fakeMounts(), rules: coming });
    const assignment = assignmentOf({ driver: 'bind', options: { path: join(dir, 'data/agent/purges/x') } });
    await expect(driver.stage({ path: join(dir, 'stage'), assignment })).rejects.toMatchObject({
      code: 'PathRefused',
      message: /belongs to the agent itself/,
    });
    await expect(stat(join(dir, 'data/agent/purges'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(['secret', 'data/../secret', '.'])('is refused outside the roots: %s', async (path) => {
    await expect(hold(path)).rejects.toMatchObject({
      code: 'PathRefused',
      message: /not under an allowed root/,
    });
  });

  it('is judged by where a link leads', async () => {
    await symlink(join(dir, 'secret'), join(dir, 'data/out'));
    await symlink(join(dir, 'data/inside'), join(dir, 'data/in'));
    await expect(hold('data/out')).rejects.toMatchObject({ code: 'PathRefused' });
    const held = await hold('data/in');
    expect(held.path).toBe(join(dir, 'data/inside'));
    await held.close();
  });

  it('does not take a neighbour for a child', async () => {
    await mkdir(join(dir, 'data-other'));
    await expect(hold('data-other')).rejects.toMatchObject({ code: 'PathRefused' });
  });

  it.each(['data/agent/mounts', 'data/agent'])(
    'is refused where the agent keeps other volumes: %s',
    async (path) => {
      await expect(hold(path)).rejects.toMatchObject({
        code: 'PathRefused',
        message: /belongs to the agent/,
      });
    },
  );
});

describe('the bind driver', () => {
  const stageOf = (path: string, more = {}) => ({
    assignment: assignmentOf({
      driver: 'bind',
      type: 'hostpath',
      options: { path: join(dir, path) },
      ...more,
    }),
    path: join(dir, 'stage'),
  });

  it('binds the descriptor that was checked, never the path', async () => {
    const mounts = fakeMounts();
    await bindDriver({ mounts, rules: rules() }).stage(stageOf('data/inside'));
    expect(mounts.calls[0]).toMatchObject({ bind: expect.stringMatching(/^\/proc\/\d+\/fd\/\d+$/) });
    expect(mounts.calls[1]).toMatchObject({ options: ['bind', 'nosuid', 'nodev'] });
  });

  it('makes what is missing, with the volume’s owner on the last part only', async () => {
    const owner = { uid: 1000, gid: 1001, mode: '0750' };
    await bindDriver({ mounts: fakeMounts(), rules: rules() }).stage(stageOf('data/a/b', { owner }));
    const [a, b] = [await stat(join(dir, 'data/a')), await stat(join(dir, 'data/a/b'))];
    expect({ uid: a.uid, mode: a.mode & 0o777 }).toEqual({ uid: 0, mode: 0o755 });
    expect({ uid: b.uid, gid: b.gid, mode: b.mode & 0o777 }).toEqual({ uid: 1000, gid: 1001, mode: 0o750 });
  });

  it.each(['secret/new', 'data/agent/mounts/new'])(
    'makes nothing where it may not bind: %s',
    async (path) => {
      const driver = bindDriver({ mounts: fakeMounts(), rules: rules() });
      await expect(driver.stage(stageOf(path))).rejects.toMatchObject({ code: 'PathRefused' });
      expect(await readdir(join(dir, 'secret'))).toEqual([]);
      expect(await readdir(join(dir, 'data/agent/mounts'))).toEqual([]);
    },
  );

  it('does not follow a link out while it makes', async () => {
    await symlink(join(dir, 'secret'), join(dir, 'data/out'));
    const driver = bindDriver({ mounts: fakeMounts(), rules: rules() });
    await expect(driver.stage(stageOf('data/out/new'))).rejects.toMatchObject({ code: 'PathRefused' });
    expect(await readdir(join(dir, 'secret'))).toEqual([]);
  });
});

describe('mount options', () => {
  it('always have nosuid and nodev', () => {
    expect(mountOptions('ext4', { mountOptions: 'noatime, discard' })).toEqual([
      'nosuid',
      'nodev',
      'noatime',
      'discard',
    ]);
    expect(mountOptions('tmpfs', {})).toEqual(['nosuid', 'nodev']);
  });
  it.each(['suid', 'dev', 'bind', 'uid=0', 'loop', 'errors=panic'])(
    'are refused off the list: %s',
    (option) => {
      expect(() => mountOptions('ext4', { mountOptions: option })).toThrow(/not a mount option/);
    },
  );
});
