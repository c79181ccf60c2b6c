import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const botocore = '1.43.106';
const repository = join(import.meta.dirname, '..', '..');

/**
 * The folder of AWS's service models: $HIVEMIND_SERVICE_MODELS, or botocore's `data` in a virtual environment under
 * `.hivemind/`, which is made when it is not there.
 */
export async function serviceModels(): Promise<string> {
  const given = process.env['HIVEMIND_SERVICE_MODELS'];
  if (given !== undefined && given !== '') return given;
  const home = join(repository, '.hivemind', 'cache', `botocore-${botocore}`);
  if (!existsSync(home)) await makeEnvironment(home);
  const lib = join(home, 'lib');
  const python = (await readdir(lib)).find((name) => name.startsWith('python3')) ?? 'python3';
  return join(lib, python, 'site-packages', 'botocore', 'data');
}

/** Made beside and renamed, so that a run that is killed, or two at once, leave no half of one. */
async function makeEnvironment(home: string): Promise<void> {
  const fresh = `${home}.${process.pid}`;
  await mkdir(dirname(home), { recursive: true });
  await exec('python3', ['-m', 'venv', fresh]);
  await exec(join(fresh, 'bin', 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    `botocore==${botocore}`,
  ]);
  await rename(fresh, home).catch(() => rm(fresh, { recursive: true, force: true }));
}
