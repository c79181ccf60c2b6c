import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProductError } from '#shared/model/errors.ts';
import type { ArchiveTask } from '#shared/model/task.ts';
import { silentLog } from '#agent/log.ts';
import { createRunner } from '#agent/reconcile/runner.ts';
import { archiveVolume } from '#agent/tasks/archive.ts';
import { openSandbox, type Sandbox } from '../agent/support/sandbox.ts';
import { exec } from './support/filesystem.ts';

const task: ArchiveTask = {
  kind: 'archive',
  operationId: `op-${'0'.repeat(26)}`,
  volumeId: `vol-${'0'.repeat(26)}`,
  epoch: 0,
  deadline: '2100-01-01T00:00:00.000Z',
  begun: false,
  name: 'folder',
  settle: true,
  path: '/data/folder',
  backupId: `bak-${'0'.repeat(26)}`,
  repository: { prefix: 'repositories/vol' },
};
const asked = new ProductError('OperationNotFound', 'A grant of the repository is asked for.');

let sandbox: Sandbox;
let target: string;
beforeEach(async () => {
  sandbox = await openSandbox();
  target = join(sandbox.dir, 'folder');
  await mkdir(target);
});
afterEach(() => sandbox.close());

/** What the host does when files of the volume are about to be replaced. */
function keep(): ReturnType<typeof archiveVolume> {
  const { volumeId, name } = task;
  const never = (): Promise<never> => Promise.reject(new TypeError('nobody asks for this'));
  const stopping = new AbortController().signal;
  return archiveVolume(
    {
      api: {
        release: () => Promise.resolve(),
        grantRepository: () => Promise.reject(asked),
        reportTask: never,
        manifest: never,
      },
      engine: {
        serve: () => Promise.resolve(target),
        retire: () => Promise.resolve(),
        volumes: () => [{ volumeId, name, epoch: 1 } as never],
      },
      holds: { add: () => undefined, release: () => undefined, isHeld: () => false },
      runner: createRunner(),
      mounts: { list: never },
      users: { of: never },
      containers: { containers: never },
      objects: { put: never, get: never },
      manifests: join(sandbox.dir, 'manifests'),
      resticFolder: join(sandbox.dir, 'restic'),
      log: silentLog,
      stopping,
      exec,
    },
    task,
  );
}

describe('what is there before files are replaced', () => {
  it('guard-unless-empty: is kept in the repository', async () => {
    await writeFile(join(target, 'file'), 'of somebody');
    await expect(keep()).rejects.toBe(asked);
  });

  it('needs no repository where nothing is there, whatever the agent itself keeps there', async () => {
    await mkdir(join(target, 'lost+found'));
    await mkdir(join(target, '.hivemind-unpack'));
    expect(await keep()).toEqual({ result: { outcome: 'done', empty: true } });
    expect(await readdir(target)).toEqual(['lost+found']);
  });
});
