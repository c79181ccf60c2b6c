import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { launcherFolder } from '#local/emulator/emulator.ts';

/** Top of the checkout: where the sources are that a runtime is made of. */
export const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What runs under `HOME/runtime/bundles`, by name. */
export const bundleEntries: Readonly<Record<string, string>> = {
  storage: 'local/storage/main.ts',
  edge: 'local/edge/main.ts',
  imds: 'local/imds/main.ts',
  forward: 'local/hosts/forward.main.ts',
  agent: 'agent/main.ts',
};

const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

/**
 * Makes `home/runtime` (node and every bundle) from the sources as they are, unless it is there already, and swaps it
 * in by a rename: what runs never runs from node_modules, so that `npm ci` under a running cloud harms nothing.
 * Gives the runtime's hash: a process started from another hash is old.
 */
export async function ensureRuntime(home: string): Promise<string> {
  const hash = sourceHash(['local', 'agent', 'cli', 'shared', 'package-lock.json']);
  const dir = join(home, 'runtimes', hash);
  if (!existsSync(join(dir, 'done'))) await makeRuntime(dir);
  const link = join(home, 'runtime');
  symlinkSync(relative(home, dir), `${link}.${process.pid}`);
  renameSync(`${link}.${process.pid}`, link);
  for (const old of readdirSync(join(home, 'runtimes')).filter((name) => name !== hash)) {
    rmSync(join(home, 'runtimes', old), { recursive: true, force: true });
  }
  return hash;
}

async function makeRuntime(dir: string): Promise<void> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, 'bundles'), { recursive: true });
  placeNode(join(dir, 'node'));
  await build({
    absWorkingDir: checkout,
    entryPoints: Object.entries(bundleEntries).map(([out, entry]) => ({ in: entry, out })),
    outdir: join(dir, 'bundles'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    logLevel: 'error',
  });
  // The CLI has a build of its own, which starts faster.
  const cli = [join(checkout, 'cli', 'build.ts'), join(dir, 'bundles', 'hivemind.mjs')];
  await promisify(execFile)(process.execPath, cli, { cwd: checkout });
  for (const name of readdirSync(launcherFolder).filter((each) => each.endsWith('.py'))) {
    copyFileSync(join(launcherFolder, name), join(dir, 'bundles', name));
  }
  mkdirSync(join(dir, 'done'));
}

/** A copy of the node that runs us, made once per machine user and linked from there: 120 MB for all clouds together. */
function placeNode(path: string): void {
  const shared = join(checkout, '.hivemind', 'cache', `node-${process.version}`);
  if (!existsSync(shared)) {
    mkdirSync(dirname(shared), { recursive: true });
    copyFileSync(process.execPath, `${shared}.${process.pid}`);
    renameSync(`${shared}.${process.pid}`, shared);
  }
  try {
    linkSync(shared, path);
  } catch {
    // Another filesystem: a copy does as well.
    copyFileSync(shared, path);
  }
}

/** Hash of the files under some places of the checkout, by path and content. */
export function sourceHash(places: readonly string[]): string {
  const hash = createHash('sha256').update(process.version);
  for (const place of places) addTo(hash, place);
  return hash.digest('hex').slice(0, 16);
}

function addTo(hash: ReturnType<typeof createHash>, place: string): void {
  const path = join(checkout, place);
  if (!existsSync(path)) return;
  const names = isFolder(path) ? readdirSync(path).sort() : undefined;
  if (names) for (const name of names) addTo(hash, join(place, name));
  else hash.update(`${place}\0`).update(readFileSync(path));
}

function isFolder(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
}
