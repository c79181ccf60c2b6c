import { spawnSync } from 'node:child_process';
import { CloudError } from './cloud/errors.ts';

/** What of the caller's environment counts for the command as well. */
const kept = ['CI', 'HIVEMIND_HOME', 'HIVEMIND_E2E_HOME'];

/** A process, as far as starting it again goes; tests give their own. */
export interface Invocation {
  readonly uid: number | undefined;
  readonly path: string;
  readonly execPath: string;
  readonly argv: readonly string[];
  /** Runs a command with this process's terminal to its end. */
  run(file: string, args: readonly string[]): { readonly status: number | null; readonly error?: Error };
  exit(code: number): void;
}

function thisProcess(): Invocation {
  return {
    uid: process.getuid?.(),
    path: process.env['PATH'] ?? '',
    execPath: process.execPath,
    argv: process.argv,
    run: (file, args) => spawnSync(file, args, { stdio: 'inherit' }),
    exit: (code) => process.exit(code),
  };
}

/**
 * Mounts and loop devices need root: called by anybody else, the same command goes through sudo, and this process ends
 * with its exit code.
 * @throws CloudError Prerequisite without sudo
 */
export function becomeRoot(call: Invocation = thisProcess()): void {
  if (call.uid === 0) return;
  // Through env: sudo's secure_path would put the PATH aside on which npm has our tools.
  const again = ['env', `PATH=${call.path}`, call.execPath, ...call.argv.slice(1)];
  const { status, error } = call.run('sudo', [`--preserve-env=${kept.join(',')}`, ...again]);
  if (error)
    throw new CloudError('Prerequisite', 'This mounts filesystems: run it as root, or install sudo.');
  call.exit(status ?? 1);
}
