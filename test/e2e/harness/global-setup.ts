import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { reset } from '#local/cloud/down.ts';
import { progressOn } from '#local/cloud/progress.ts';
import { up } from '#local/cloud/up.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Home of the local cloud that the end-to-end tests share. */
    readonly cloudHome: string;
  }
}

/**
 * Starts one private local cloud for all end-to-end files: a home of its own, free ports, no agent on this machine, so
 * that nothing outside that home changes. `HIVEMIND_E2E_HOME` names a running cloud to use instead, which is left alone.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['HIVEMIND_E2E_HOME'];
  if (given) {
    project.provide('cloudHome', given);
    return () => Promise.resolve();
  }
  // Not the temporary folder: on many systems that is memory, and Docker's images and the volumes lie here.
  const home = mkdtempSync(join('/var/tmp', 'hivemind-e2e-'));
  const progress = progressOn(process.stdout);
  const stop = async (): Promise<void> => {
    await reset({ home, progress });
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await up({ home, port: 0, yes: true, docker: true, apart: true, progress });
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide('cloudHome', home);
  return stop;
}
