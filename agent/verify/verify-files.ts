import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { VerifyReport } from '#shared/model/verify.ts';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import type { Mounts } from '#agent/host/mounts.ts';
import { runCheck } from './check-command.ts';
import { compareFiles } from './compare-files.ts';
import { readEverything } from './compare.ts';
import { refuseLate } from './patience.ts';
import { Tally } from './tally.ts';

export interface VerifyFilesPorts {
  readonly mounts: Mounts;
  /** ROOT/verify: copies are mounted below it, out of the way of volumes. */
  readonly directory: string;
  /** Milliseconds; monotonic. */
  readonly now?: () => number;
}

interface Mountable {
  readonly source: string;
  readonly fstype: string;
  readonly options: readonly string[];
}

export interface VerifyFilesRequest {
  /** Names the mountpoints. */
  readonly id: string;
  readonly copy: Mountable;
  /** The volume itself; undefined where it is gone. */
  readonly live: Mountable | undefined;
  /** What the volume has not changed since then must be in the copy, in milliseconds since 1970. */
  readonly settledBeforeMs: number;
  readonly check: { readonly command: string; readonly timeoutMs: number } | undefined;
  /** How long the comparison may take, in milliseconds. */
  readonly patienceMs: number;
  /** Aborted when the agent is to end. */
  readonly stopping: AbortSignal;
}

/**
 * Looks into a restored directory: every file is read to its end, and what the volume itself has not changed since the cut is
 * compared with it. The backup is no point in time, so nothing is asked of the rest. Both are mounted read-only, and unmounted
 * whatever happens.
 * @throws ProductError TimedOut when the comparison takes too long; what a mount throws
 */
export async function verifyFiles(
  ports: VerifyFilesPorts,
  request: VerifyFilesRequest,
): Promise<VerifyReport> {
  const now = ports.now ?? (() => performance.now());
  const copy = join(ports.directory, request.id);
  const live = request.live === undefined ? undefined : `${copy}.live`;
  const tally = new Tally();
  const began = now();
  const seconds = (): number => Math.round(now() - began) / 1000;
  try {
    await mountAt(ports, copy, request.copy);
    if (live !== undefined && request.live !== undefined) await mountAt(ports, live, request.live);
    const mountSeconds = seconds();
    const check = () => refuseLate({ now, until: began + request.patienceMs, stopping: request.stopping });
    const { settledBeforeMs } = request;
    if (live === undefined) await readEverything({ root: copy, tally, check });
    else await compareFiles({ root: copy, live, settledBeforeMs, tally, check });
    const checked =
      request.check === undefined ? undefined : await runCheck({ ...request.check, directory: copy });
    return {
      outcome: tally.wrong === 0 && (checked?.code ?? 0) === 0 ? 'passed' : 'failed',
      filesystemCheck: { clean: true, output: 'A network file system has none.' },
      manifest: false,
      live: live !== undefined,
      mark: false,
      ...countsOf(tally),
      ...(checked === undefined ? {} : { check: checked }),
      mountSeconds,
      seconds: seconds(),
    };
  } finally {
    try {
      await unmountAt(ports, copy);
    } finally {
      if (live !== undefined) await unmountAt(ports, live);
    }
  }
}

function countsOf({ entries, compared, hashed, wrong, mismatches }: Tally) {
  return { entries, compared, hashed, wrong, mismatches };
}

/** Mounted while `work` runs, below the directory of copies; unmounted whatever happens. */
export async function withMounted<T>(
  ports: Pick<VerifyFilesPorts, 'mounts' | 'directory'>,
  { id, copy }: { readonly id: string; readonly copy: Mountable },
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(ports.directory, id);
  try {
    await mountAt(ports, path, copy);
    return await work(path);
  } finally {
    await unmountAt(ports, path);
  }
}

async function mountAt(
  { mounts }: Pick<VerifyFilesPorts, 'mounts'>,
  target: string,
  mountable: Mountable,
): Promise<void> {
  await unmountAt({ mounts }, target);
  await mkdir(target, { recursive: true, mode: 0o700 });
  await mounts.mount({ ...mountable, target });
}

async function unmountAt({ mounts }: Pick<VerifyFilesPorts, 'mounts'>, path: string): Promise<void> {
  await unmount(mounts, path, { name: path });
  await removeEmpty(path);
}
