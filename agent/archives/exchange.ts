import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '#agent/host/exec.ts';
import { reservedNames } from './reserved.ts';

/*
 * Of a landing that replaces what is there, beside `tree` and `landing`:
 *   leaving/   what the target held, while it is being moved out
 *   old/       the same once all of it is out: only then does the first name of the tree move in
 *
 * So at each moment the target's own names are of the one or of the other, and a next start knows which.
 */

const slow = { timeoutMs: 3_600_000 };

/** Something would not move: what had moved was put back, and the target holds what it held. */
export class PutBackError extends Error {
  constructor(cause: unknown) {
    super(`What is there cannot be moved out of the way: ${textOf(cause)}`, { cause });
    this.name = 'PutBackError';
  }
}

/**
 * Moves what a target holds out of the way, as a whole or not at all. May be repeated after a crash, as long as nothing of the
 * tree has moved in.
 * @throws PutBackError
 */
export async function moveOut(target: string, folder: string, exec: Exec): Promise<void> {
  const [old, leaving] = [join(folder, 'old'), join(folder, 'leaving')];
  if (await isThere(old)) return; // guard: refill-whole
  await mkdir(leaving, { recursive: true, mode: 0o700 });
  try {
    await moveAll(target, leaving, reservedNames);
  } catch (error) {
    await moveAll(leaving, target);
    await rm(join(folder, 'landing'));
    await sync(folder);
    throw new PutBackError(error);
  }
  await exec.run('sync', ['--file-system', folder], slow);
  await rename(leaving, old);
  await sync(folder);
}

/** Moves every name of a directory to another one of its filesystem, over what has that name there. */
export async function moveAll(from: string, to: string, without: readonly string[] = []): Promise<void> {
  for (const name of await readdir(from, { encoding: 'buffer' }))
    if (!without.includes(name.toString('latin1'))) await rename(below(from, name), below(to, name));
}

/** Names are bytes. */
function below(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name]);
}

/** What has changed in a directory is on disk. */
export async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
