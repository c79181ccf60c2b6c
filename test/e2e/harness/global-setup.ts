import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { reset } from '#local/cloud/down.ts';
import { baseTools, dockerTools, ensurePrerequisites } from '#local/cloud/prerequisites.ts';
import { progressOn } from '#local/cloud/progress.ts';

/**
 * A folder for the run's private clouds, which the workers start (./worker-cloud.ts) and this ends: one for both projects of
 * end-to-end tests, so that the second goes on with a cloud of the first. `HIVEMIND_E2E_HOME` names a
 * running cloud to use instead, which is left alone.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = progressOn(process.stdout);
  // Once for both workers: apt takes turns.
  await ensurePrerequisites({ tools: [...baseTools, ...dockerTools], yes: true, progress });
  // Not the temporary folder: on many systems that is memory, and Docker's images and the volumes lie here.
  const run = `${process.pid}-${Math.floor(performance.timeOrigin)}`;
  const folder = join('/var/tmp', `hivemind-e2e-${run}`);
  mkdirSync(folder, { recursive: true });
  const given = process.env['HIVEMIND_E2E_HOME'];
  project.provide('clouds', { folder, ...(given && { given }) });
  return async () => {
    for (const name of existsSync(folder) ? readdirSync(folder) : [])
      await reset({ home: join(folder, name), progress });
    rmSync(folder, { recursive: true, force: true });
  };
}
