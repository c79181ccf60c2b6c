import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';
import type { FilesystemType } from '#shared/model/volume.ts';
import type { VerifyReport } from '#shared/model/verify.ts';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import type { Blocks } from '#agent/host/blocks.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { Mounts } from '#agent/host/mounts.ts';
import { runCheck } from './check-command.ts';
import { compareEntries, compareMark, readEverything } from './compare.ts';
import { checkFilesystem } from './filesystem-check.ts';
import type { ManifestReader } from './manifest.ts';
import { Tally } from './tally.ts';

export interface VerifyPorts {
  readonly exec: Exec;
  readonly mounts: Mounts;
  readonly blocks: Pick<Blocks, 'signature'>;
  /** ROOT/verify: copies are mounted below it, out of the way of volumes. */
  readonly directory: string;
  /** Milliseconds; monotonic. */
  readonly now?: () => number;
}

export interface VerifyRequest {
  /** Names the mountpoint. */
  readonly id: string;
  /** Path of the block device that holds the copy. */
  readonly device: string;
  /** What must be on it. */
  readonly format: { readonly type: FilesystemType; readonly uuid: string };
  readonly manifest?: ManifestReader | undefined;
  readonly check?: { readonly command: string; readonly timeoutMs: number } | undefined;
  /** How long the comparison may take, in milliseconds. */
  readonly patienceMs: number;
  /** Aborted when the agent is to end. */
  readonly stopping?: AbortSignal;
}

const dataDirectory = 'data';
/** Nothing of a copy is run or trusted. */
const guarded = ['nosuid', 'nodev', 'noexec'];

/**
 * Looks into a restored copy: mounted read-write once, since replaying the journal is part of a restore; unmounted and checked
 * with the filesystem's own tool; mounted read-only and compared. Never formats. Unmounts whatever happens.
 * @throws ProductError TimedOut when the comparison takes too long; VolumeBusy when it cannot be unmounted.
 */
export async function verifyCopy(ports: VerifyPorts, request: VerifyRequest): Promise<VerifyReport> {
  const now = ports.now ?? (() => performance.now());
  const path = join(ports.directory, request.id);
  const view: View = { path, tally: new Tally(), now, began: now() };
  await unmountCopy(ports, path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    return await lookThrough(ports, request, view);
  } finally {
    await unmountCopy(ports, path);
  }
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

async function unmountCopy({ mounts }: Pick<VerifyPorts, 'mounts'>, path: string): Promise<void> {
  await unmount(mounts, path, { name: path });
  await removeEmpty(path);
}

/** A copy of another volume has another UUID; a volume that never got its data has none. */
async function foreignOn(
  { blocks }: VerifyPorts,
  { device, format }: VerifyRequest,
): Promise<string | undefined> {
  const found = await blocks.signature(device);
  if (found?.type === format.type && found.uuid === format.uuid) return undefined;
  const there = found === undefined ? 'nothing' : `${found.type} ${found.uuid}`;
  return `the copy should hold ${format.type} ${format.uuid}, but holds ${there}`;
}

/** Replaying the journal is part of a restore: without it, even what was synced may be missing. */
async function replay(ports: VerifyPorts, request: VerifyRequest, { path, tally }: View): Promise<void> {
  const foreign = await foreignOn(ports, request);
  if (foreign !== undefined) return tally.say(foreign);
  try {
    await mount(ports, request, { path, how: 'rw' });
  } catch (error) {
    return tally.say(`the copy cannot be mounted: ${error instanceof Error ? error.message : String(error)}`);
  }
  await unmount(ports.mounts, path, { name: path });
}

async function mount(
  { mounts }: VerifyPorts,
  { device, format }: VerifyRequest,
  { path, how }: { path: string; how: 'rw' | 'ro' },
): Promise<void> {
  // XFS refuses the UUID of a volume that is mounted beside its copy.
  const options = [how, ...guarded, ...(format.type === 'xfs' ? ['nouuid'] : [])];
  await mounts.mount({ source: device, target: path, fstype: format.type, options, timeoutMs: 30 * 60_000 });
}

/** The comparison, and the person's own check; what that ended with. */
async function compare(ports: VerifyPorts, request: VerifyRequest, { path, tally, now, began }: View) {
  const { manifest, check, patienceMs, stopping } = request;
  try {
    await mount(ports, request, { path, how: 'ro' });
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

interface Limits {
  readonly now: () => number;
  readonly until: number;
  readonly stopping: AbortSignal | undefined;
}

function refuseLate({ now, until, stopping }: Limits): void {
  if (stopping?.aborted === true)
    throw new ProductError('Unavailable', 'The agent was stopped in the middle of a drill.', {
      hint: 'Drill the backup again.',
    });
  if (now() < until) return;
  throw new ProductError('TimedOut', 'The copy could not be compared in time.', {
    hint: 'Give the drill a larger host, or look at the volume by hand: restore the backup to a new volume.',
  });
}
