import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { silent } from '#local/cloud/progress.ts';
import { up } from '#local/cloud/up.ts';
import { cloudHome } from './home.ts';

/*
 * Before a file: the worker's cloud, which its first file starts. It has a home of its own, free ports, and no agent on this
 * machine, so that nothing outside that home changes.
 */
const home = cloudHome();
const ready = join(home, 'ready');
if (inject('clouds').given === undefined && !existsSync(ready)) {
  await up({ home, port: 0, yes: true, docker: true, apart: true, progress: silent });
  writeFileSync(ready, '');
}
