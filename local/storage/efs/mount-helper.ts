import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What `mount -t efs` runs: takes the options of amazon-efs-utils and binds the directory. It reads the folder that
 * this service keeps, which every host of the machine sees, so that a mount needs no network.
 */
const template = `#!/usr/bin/python3 -IS
import json, os, re, subprocess, sys

HOME = os.environ.get('HIVEMIND_EFS_DIR', @EFS_DIR@)
OWN = {'tls', 'iam', 'accesspoint', 'awsprofile', 'awscredsuri', 'az', 'region', 'mounttargetip', 'noocsp', 'ocsp', 'tlsport', 'netns', 'verify', 'crossaccount', 'nfsvers', 'rsize', 'wsize', 'hard', 'timeo', 'retrans', 'noresvport', '_netdev', 'defaults', 'rw', 'nofail'}
FLAGS = {'ro', 'nosuid', 'suid', 'nodev', 'dev', 'noexec', 'exec', 'noatime', 'atime', 'relatime', 'nodiratime'}

def die(text, code=1):
    print('mount.efs: ' + text, file=sys.stderr)
    sys.exit(code)

def arguments(args):
    places, options = [], []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == '-o': options += rest.pop(0).split(',')
        elif word == '-t': rest.pop(0)
        elif word.startswith('-'): continue
        else: places.append(word)
    if len(places) != 2: die('usage: mount.efs fs-ID[:/PATH] DIRECTORY [-o OPTIONS]')
    return places[0], places[1], options

def walk(root, path, creation):
    """Opens the directory step by step, so that no link leads out of the file system."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for step in [s for s in path.split('/') if s]:
        try:
            nxt = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        except FileNotFoundError:
            if creation is None:
                die("mounting 127.0.0.1:/ failed, reason given by server: No such file or directory", 32)
            made = True
            try: os.mkdir(step, dir_fd=fd)
            except FileExistsError: made = False
            nxt = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            if made:
                os.fchown(nxt, creation['OwnerUid'], creation['OwnerGid'])
                os.fchmod(nxt, int(creation['Permissions'], 8))
        os.close(fd)
        fd = nxt
    return fd

def main():
    source, target, options = arguments(sys.argv[1:])
    given = re.fullmatch(r'(fs-[0-9a-f]{8,40})(\\.efs\\.[a-z0-9-]+\\.amazonaws\\.com)?(?::(/.*))?', source)
    if not given: die('invalid file system name: ' + source)
    fs, path = given[1], given[3] or '/'
    named = dict(o.split('=', 1) if '=' in o else (o, '') for o in options if o)
    for name in named:
        if name not in OWN | FLAGS: die('unknown option: ' + name)
    home = os.path.join(HOME, fs)
    if not os.path.isdir(os.path.join(home, 'data')):
        die('Failed to resolve "%s": no such file system' % fs)
    if not os.listdir(os.path.join(home, 'mount-targets')):
        die('Failed to resolve "%s": it has no mount target' % fs)
    if 'iam' in named and 'tls' not in named: die('The "tls" option is required when mounting via "iam"')
    creation = None
    point = named.get('accesspoint')
    if point is not None:
        if 'tls' not in named: die('The "tls" option is required when mounting via "accesspoint"')
        if not re.fullmatch(r'fsap-[0-9a-f]{8,40}', point): die('Access Point ID %s is malformed' % point)
        if path != '/': die('Mount path should be "/" with an access point')
        try:
            with open(os.path.join(home, 'access-points', point + '.json')) as f: about = json.load(f)
        except FileNotFoundError:
            die('mounting 127.0.0.1:/ failed, reason given by server: access denied (no access point %s on %s)' % (point, fs), 32)
        path, creation = about['path'], about.get('creation')
    fd = walk(os.path.join(home, 'data'), path, creation)
    os.set_inheritable(fd, True)
    bound = subprocess.run(['mount', '--no-canonicalize', '--bind', '/proc/self/fd/%d' % fd, target], pass_fds=[fd])
    if bound.returncode: sys.exit(bound.returncode)
    flags = [name for name in named if name in FLAGS]
    if flags:
        again = subprocess.run(['mount', '-o', ','.join(['remount', 'bind'] + flags), target])
        if again.returncode:
            subprocess.run(['umount', target])
            sys.exit(again.returncode)

main()
`;

/** Writes the helper beside the file systems; whoever makes a host puts it there as /sbin/mount.efs. Gives its path. */
export async function writeMountHelper(dir: string, efsDir: string): Promise<string> {
  const path = join(dir, 'mount.efs');
  await writeFile(
    `${path}.new`,
    template.replace('@EFS_DIR@', () => JSON.stringify(efsDir)),
  );
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
  return path;
}
