import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attempt, run } from '#local/hosts/exec.ts';

/**
 * The control case. Two attachments of one volume are two loop devices over one image, hence two superblocks and two
 * caches, as on two instances. Without a fence they must destroy the filesystem: if this stops failing, the tests that
 * show a fence to hold prove nothing.
 */
test('one volume mounted on two hosts without a fence is destroyed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hivemind-unfenced-'));
  const image = join(dir, 'volume.img');
  const devices: string[] = [];
  const mounted: string[] = [];
  try {
    await run('truncate', ['--size', '64M', image]);
    await run('mkfs.ext4', ['-q', image]);
    for (const name of ['a', 'b']) {
      const device = (await run('losetup', ['--find', '--show', image])).trim();
      devices.push(device);
      const path = join(dir, name);
      mkdirSync(path);
      await run('mount', [device, path]);
      mounted.push(path);
    }
    const [a = '', b = ''] = mounted;
    // Neither sees what the other writes: a's small files and b's large ones get the same inodes and blocks.
    const small = 'for i in $(seq 200); do echo "$2 $i" >"$1/$2-$i"; done; sync -f "$1"';
    const large = 'for i in $(seq 40); do dd if=/dev/zero of="$1/$2-$i" bs=256K count=1; done; sync -f "$1"';
    for (const path of [a, b]) writeFileSync(join(path, 'owner'), path);
    await attempt('sh', ['-c', small, 'sh', a, 'first']);
    // A host that reboots meanwhile has its metadata on the disk, not only in its journal.
    await run('umount', [a]);
    await run('mount', [devices[0] ?? '', a]);
    await attempt('sh', ['-c', large, 'sh', b, 'other']);
    await attempt('sh', ['-c', small, 'sh', a, 'second']);
    expect(readFileSync(join(b, 'owner'), 'utf8')).toBe(b);
    for (const path of mounted.splice(0).reverse()) await run('umount', [path]);
    const check = await attempt('e2fsck', ['-f', '-n', image]);
    expect(check.exitCode & 4).toBe(4);
  } finally {
    for (const path of mounted) await attempt('umount', [path]);
    for (const device of devices) await attempt('losetup', ['--detach', device]);
    rmSync(dir, { recursive: true, force: true });
  }
});
