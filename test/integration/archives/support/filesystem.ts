import { execFile } from 'node:child_process';
import { mkdir, writeFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemExec } from '#agent/host/exec.ts';
import { silentLog } from '#agent/log.ts';
import { openSandbox, type Sandbox } from '#test/integration/agent/support/sandbox.ts';

const run = promisify(execFile);
export const exec = systemExec(silentLog);

/** A folder whose mounts go with it. */
export interface Disks extends Sandbox {
  /** Mounts a new ext4 of so many bytes; gives its mountpoint. */
  ext4(name: string, sizeBytes: number): Promise<string>;
}

export async function openDisks(): Promise<Disks> {
  const sandbox = await openSandbox();
  return {
    ...sandbox,
    async ext4(name, sizeBytes) {
      const image = join(sandbox.dir, `${name}.img`);
      const mountpoint = join(sandbox.dir, name);
      await writeFile(image, '');
      await truncate(image, sizeBytes);
      await run('mkfs.ext4', ['-q', '-b', '4096', image]);
      await mkdir(mountpoint);
      await run('mount', ['-o', 'loop', image, mountpoint]);
      return mountpoint;
    },
  };
}

/** Runs a script in a folder. */
export async function sh(folder: string, script: string): Promise<string> {
  const { stdout } = await run('bash', ['-ceu', script], { cwd: folder, maxBuffer: 2 ** 26 });
  return stdout;
}

/**
 * Everything that an archive must keep of a folder, line by line: type, mode, owner, time, size, target, which names are
 * one file, content, extended attributes (access lists among them).
 */
export async function treeOf(folder: string): Promise<string[]> {
  const not = `\\( -path './lost+found' -prune \\) -o`;
  const facts = await sh(
    folder,
    `find . ${not} -type d -printf '%P %y %m %U:%G %T@\\n' -o -type l -printf '%P %y %U:%G %T@ -> %l\\n' -o -printf '%P %y %m %U:%G %T@ %s %n\\n' | LC_ALL=C sort`,
  );
  const inodes = await sh(folder, `find . ${not} -type f -links +1 -printf '%i %P\\n' | LC_ALL=C sort -k2`);
  const sums = await sh(
    folder,
    `find . ${not} -type f -print0 | LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum`,
  );
  const attributes = await sh(
    folder,
    `find . ${not} -print0 | LC_ALL=C sort -z | xargs -0 getfattr --no-dereference -d -m - -e hex`,
  );
  return [facts, linkGroups(inodes), sums, attributes].flatMap((text) => text.split('\n'));
}

function linkGroups(inodes: string): string {
  const groups = Map.groupBy(inodes.split('\n').filter(Boolean), (line) => line.split(' ', 1)[0]);
  return [...groups.values()]
    .map((lines) => lines.map((line) => line.slice(line.indexOf(' ') + 1)).join(' = '))
    .join('\n');
}
