import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EmulatorError } from './errors.ts';

const exec = promisify(execFile);

/** The emulator's pinned requirements, in a checkout. */
export const requirementsFile = join(import.meta.dirname, 'requirements.txt');

/** Name of the environment that some requirements make: other requirements or another Python make another one. */
export function venvName(requirements: string, pythonVersion: string): string {
  const hash = createHash('sha256').update(pythonVersion).update(readFileSync(requirements));
  return `emulator-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * Gives the folder of a virtual environment with the pinned emulator under `parent`, and makes it first if it is not
 * there (6 s). Two that make it at once do no harm: each makes its own, and one rename wins. Run things in it as
 * `DIR/bin/python -m …`: scripts such as `bin/pip` name the folder it was made in.
 * @throws EmulatorError VenvFailed with what python or pip said.
 */
export async function ensureVenv(parent: string, requirements: string = requirementsFile): Promise<string> {
  const { stdout } = await run('python3', ['-c', 'import sys; print(sys.version)']);
  const dir = join(parent, venvName(requirements, stdout));
  if (existsSync(dir)) return dir;
  const making = `${dir}.${process.pid}`;
  await rm(making, { recursive: true, force: true });
  await mkdir(dirname(making), { recursive: true });
  try {
    await run('python3', ['-m', 'venv', making]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
    await run(join(making, 'bin/python'), [...pip, '--requirement', requirements]);
    await rename(making, dir).catch(() => undefined);
  } finally {
    // There is something left of it only if this failed, or if another one was faster.
    await rm(making, { recursive: true, force: true });
  }
  return dir;
}

async function run(file: string, args: readonly string[]): Promise<{ stdout: string }> {
  try {
    return await exec(file, args, { timeout: 300_000 });
  } catch (cause) {
    throw new EmulatorError('VenvFailed', `${file} ${args.join(' ')}: ${String(cause)}`, { cause });
  }
}
