import { randomBytes } from 'node:crypto';
import { fail, ok, type Finding } from './finding.ts';
import type { System } from './system.ts';

/** How long a healthy filesystem may take to answer. */
const patience = 3000;

interface Mount {
  readonly point: string;
  readonly root: string;
  readonly type: string;
  readonly source: string;
}

/** Finds mounts under a folder that do not answer any more, and filesystems that are frozen. */
export async function checkMounts(system: System, folder: string): Promise<Finding[]> {
  const mounts = parseMountInfo(system.read('/proc/self/mountinfo') ?? '').filter(
    ({ point }) => point === folder || point.startsWith(`${folder}/`),
  );
  const findings: Finding[] = [];
  for (const mount of mounts) findings.push(...(await checkMount(system, mount)));
  if (findings.length > 0) return findings;
  return [ok('mounts', `${mounts.length} under ${folder}, none stale, none frozen`)];
}

async function checkMount(system: System, mount: Mount): Promise<Finding[]> {
  const { point } = mount;
  const what = `${point} (${mount.type} on ${mount.source})`;
  if (mount.root.endsWith('//deleted')) {
    return [fail('stale mount', `${what}: the directory behind it is deleted`, `umount ${point}`)];
  }
  const looked = await system.run('stat', ['--file-system', '--', point], patience);
  if (looked.timedOut) {
    return [
      fail(
        'stale mount',
        `${what} does not answer`,
        `check the storage and the network; then: umount -f ${point}`,
      ),
    ];
  }
  if (looked.code !== 0) {
    return [
      fail('stale mount', `${what}: ${reason(looked.stderr)}`, `stop its containers; then: umount ${point}`),
    ];
  }
  return (await isFrozen(system, point))
    ? [fail('frozen filesystem', `${what}: writes wait`, `fsfreeze --unfreeze ${point}`)]
    : [];
}

/**
 * Linux does not tell whether a filesystem is frozen. But removing a directory that is not there takes the same lock as
 * every write, before it looks for the name: on a frozen filesystem it waits, else it says "not there" and has changed nothing.
 */
async function isFrozen(system: System, point: string): Promise<boolean> {
  const name = `${point}/.hivemind-doctor-${randomBytes(8).toString('hex')}`;
  return (await system.run('rmdir', ['--', name], patience)).timedOut;
}

function reason(stderr: string): string {
  return stderr.trim().split(': ').at(-1) ?? 'it does not answer';
}

/** proc(5): fields up to a lone "-", then type, source and options; spaces stand as octal escapes. */
function parseMountInfo(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '', point = ''] = before.split(' ').map(unescape);
      const [type = '', source = ''] = after.split(' ').map(unescape);
      return { root, point, type, source };
    });
}

function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
