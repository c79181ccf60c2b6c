import { join } from 'node:path';
import { isProductError } from '#shared/model/errors.ts';
import type { VerifyReport } from '#shared/model/verify.ts';
import type { Exec } from '#agent/host/exec.ts';
import { runCheck } from './check-command.ts';
import { compareEntries, compareMark, readEverything } from './compare.ts';
import {
  dataDirectory,
  mountCopy,
  replayJournal,
  withMountpoint,
  type Copy,
  type CopyPorts,
} from './copy.ts';
import { checkFilesystem } from './filesystem-check.ts';
import type { ManifestReader } from './manifest.ts';
import { refuseLate } from './patience.ts';
import { Tally } from './tally.ts';

export interface VerifyPorts extends CopyPorts {
  readonly exec: Exec;
  /** Milliseconds; monotonic. */
  readonly now?: () => number;
}

export interface VerifyRequest extends Copy {
  readonly manifest?: ManifestReader | undefined;
  readonly check?: { readonly command: string; readonly timeoutMs: number } | undefined;
  /** How long the comparison may take, in milliseconds. */
  readonly patienceMs: number;
  /** Aborted when the agent is to end. */
  readonly stopping?: AbortSignal;
}

/**
 * Looks into a restored copy: mounted read-write once, since replaying the journal is part of a restore; unmounted and checked
 * with the filesystem's own tool; mounted read-only and compared. Never formats. Unmounts whatever happens.
 * @throws ProductError TimedOut when the comparison takes too long; VolumeBusy when it cannot be unmounted.
 */
export async function verifyCopy(ports: VerifyPorts, request: VerifyRequest): Promise<VerifyReport> {
  const now = ports.now ?? (() => performance.now());
  const began = now();
  return withMountpoint(ports, request, (path) =>
    lookThrough(ports, request, { path, tally: new Tally(), now, began }),
  );
}

interface View {
  readonly path: string;
  readonly tally: Tally;
  readonly now: () => number;
  readonly began: number;
}

async function lookThrough(ports: VerifyPorts, request: VerifyRequest, view: View): Promise<VerifyReport> {
  const { tally } = view;
  const seconds = (): number => Math.round(view.now() - view.began) / 1000;
  await replay(ports, request, view);
  const mountSeconds = seconds();
  const isMountable = tally.wrong === 0;
  const filesystemCheck = isMountable
    ? await checkFilesystem(ports.exec, request.device, request.format.type)
    : { clean: false, output: 'Not run: the copy cannot be mounted.' };
  const check = isMountable ? await compare(ports, request, view) : undefined;
  const { entries, compared, hashed, wrong, mismatches } = tally;
  const isWhole = filesystemCheck.clean && wrong === 0;
  return {
    outcome: isWhole && (check?.code ?? 0) === 0 ? 'passed' : 'failed',
    filesystemCheck,
    manifest: request.manifest !== undefined,
    mark: request.manifest?.head.mark !== undefined,
    entries,
    compared,
    hashed,
    wrong,
    mismatches,
    ...(check === undefined ? {} : { check }),
    mountSeconds,
    seconds: seconds(),
  };
}

/** What keeps a copy from being mounted is a finding. */
async function replay(ports: VerifyPorts, request: VerifyRequest, { path, tally }: View): Promise<void> {
  try {
    await replayJournal(ports, request, path);
  } catch (error) {
    if (isProductError(error, 'VolumeBusy')) throw error;
    const why = error instanceof Error ? error.message : String(error);
    tally.say(isProductError(error, 'DeviceRefused') ? why : `the copy cannot be mounted: ${why}`);
  }
}

/** The comparison, and the person's own check; what that ended with. */
async function compare(ports: VerifyPorts, request: VerifyRequest, { path, tally, now, began }: View) {
  const { manifest, check, patienceMs, stopping } = request;
  try {
    await mountCopy(ports, request, { path, how: 'ro' });
  } catch (error) {
    tally.say(
      `the copy cannot be mounted read-only: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
  const subject = {
    root: path,
    tally,
    check: () => refuseLate({ now, until: began + patienceMs, stopping }),
  };
  if (manifest === undefined) await readEverything(subject);
  else {
    await compareMark(subject, manifest.head.mark);
    await compareEntries(subject, manifest);
  }
  return check === undefined ? undefined : runCheck({ ...check, directory: join(path, dataDirectory) });
}
