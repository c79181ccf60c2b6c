import { spawnSync } from 'node:child_process';
import { CloudError } from './cloud/errors.ts';

/** What of the caller's environment counts for the command as well. */
const kept = ['CI', 'HIVEMIND_HOME', 'HIVEMIND_E2E_HOME'];

/**
 * Mounts and loop devices need root: called by anybody else, the same command goes through sudo, and this process ends
 * with its exit code.
 * @throws CloudError Prerequisite without sudo
 */
export function becomeRoot(): void {
  if (process.getuid?.() === 0) return;
  // Through env: sudo's secure_path would put the PATH aside on which npm has our tools.
  const again = ['env', `PATH=${process.env['PATH'] ?? ''}`, process.execPath, ...process.argv.slice(1)];
  const { status, error } = spawnSync('sudo', [`--preserve-env=${kept.join(',')}`, ...again], {
    stdio: 'inherit',
  });
  if (error)
    throw new CloudError('Prerequisite', 'This mounts filesystems: run it as root, or install sudo.');
  process.exit(status ?? 1);
}
