import path from 'node:path';
import type { World } from '../world.ts';
import { checkAgent } from './agent.check.ts';
import type { DoctorFlags } from './doctor.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { checkMetadata } from './metadata.check.ts';
import { checkMounts } from './mounts.check.ts';
import type { System } from './system.ts';

const defaultRoot = '/var/lib/hivemind/volumes';
const defaultSocket = '/run/hivemind/agent.sock';

/** Checks that only make sense where an agent runs, or should. */
export async function checkHost(world: World, flags: DoctorFlags, system: System): Promise<Finding[]> {
  const root = flags.root ?? defaultRoot;
  const socket = flags.socket ?? defaultSocket;
  const asked = flags.root !== undefined || flags.socket !== undefined;
  if (!asked && system.stat(socket) === undefined && system.stat(root) === undefined) {
    return [ok('host', 'no agent on this machine: its tools, roots and mounts are not checked')];
  }
  return [
    ...(await checkMetadata(world, system)),
    ...(await checkTools(system)),
    checkRoot(system, root),
    ...(await checkAgent(system, socket)),
    ...(await checkMounts(system, path.dirname(root))),
  ];
}

const tools = [
  { names: ['mount', 'umount', 'lsblk', 'blkid', 'wipefs'], remedy: 'apt-get install mount util-linux' },
  { names: ['mkfs.ext4', 'fsck.ext4'], remedy: 'apt-get install e2fsprogs' },
  { names: ['mkfs.xfs'], remedy: 'apt-get install xfsprogs' },
  {
    names: ['docker'],
    remedy: 'apt-get install docker.io; without it nothing here can use volumes',
    optional: true,
  },
  {
    names: ['mount.efs'],
    remedy: 'install amazon-efs-utils; without it this host cannot mount network volumes',
    optional: true,
  },
];

async function checkTools(system: System): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { names, remedy, optional } of tools) {
    const missing: string[] = [];
    for (const name of names) {
      const found = await system.run('sh', ['-c', 'command -v "$1"', 'sh', name], 2000);
      if (found.code !== 0) missing.push(name);
    }
    if (missing.length === 0) findings.push(ok('tools', names.join(', ')));
    else findings.push((optional === true ? warn : fail)('tools', `${missing.join(', ')} not found`, remedy));
  }
  return findings;
}

/** Whoever may write here could put another directory in a volume's place. */
function checkRoot(system: System, root: string): Finding {
  const found = system.stat(root);
  if (found === undefined) return warn('root', `${root} is not there`, 'start the agent, which makes it');
  if (found.kind !== 'directory')
    return fail('root', `${root} is not a directory`, `move it away; the agent makes ${root}`);
  const mode = found.mode.toString(8);
  if (found.uid !== 0) return fail('root', `${root} belongs to uid ${found.uid}`, `chown root:root ${root}`);
  if ((found.mode & 0o022) !== 0)
    return fail('root', `${root} can be written by others (mode ${mode})`, `chmod 755 ${root}`);
  return ok('root', `${root}, mode ${mode}`);
}
