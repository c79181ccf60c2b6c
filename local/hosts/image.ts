import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostError } from './errors.ts';
import { run } from './exec.ts';
import { attemptInside, runInside } from './namespaces.ts';
import type { Inside } from './namespaces.ts';

/** What the image is called in every host: `docker run busybox …` needs no registry. */
export const IMAGE = 'busybox:latest';

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\napp:x:1000:1000:app:/:/bin/sh\n';
const GROUP = 'root:x:0:\nnogroup:x:65534:\napp:x:1000:\n';

async function fillRoot(root: string): Promise<void> {
  const source = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (!source)
    throw new HostError('CommandFailed', 'No busybox on this machine: apt-get install busybox-static.');
  for (const dir of ['bin', 'etc', 'proc', 'sys', 'dev', 'root', 'tmp', 'var']) mkdirSync(join(root, dir));
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync(source, join(root, 'bin', 'busybox'));
  const applets = (await run(source, ['--list'])).split('\n').filter((name) => name && name !== 'busybox');
  for (const name of applets) symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc', 'passwd'), PASSWD);
  writeFileSync(join(root, 'etc', 'group'), GROUP);
}

/** A tar of a root file system with busybox, its applets and the users root, nobody and app (1000); made once per cloud. */
export async function busyboxTar(home: string): Promise<string> {
  const tar = join(home, 'hosts', 'busybox.tar');
  if (existsSync(tar)) return tar;
  const root = mkdtempSync(join(tmpdir(), 'hivemind-image-'));
  try {
    await fillRoot(root);
    const fresh = `${tar}.${process.pid}.new`;
    await run('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', root, '-cf', fresh, '.']);
    renameSync(fresh, tar);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return tar;
}

/** Gives a host's Docker the busybox image, unless it has it. */
export async function ensureImage(inside: Inside, home: string): Promise<void> {
  if ((await attemptInside(inside, ['docker', 'image', 'inspect', IMAGE])).exitCode === 0) return;
  const changes = ['--change', 'ENV PATH=/bin', '--change', 'CMD ["sh"]'];
  await runInside(inside, ['docker', 'import', ...changes, await busyboxTar(home), IMAGE]);
}
