import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';
import { deviceNumber } from '#agent/host/blocks.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { Mounts } from '#agent/host/mounts.ts';
import type { Log } from '#agent/log.ts';
import { freezable, type Spared } from './freezable.ts';
import { writeMark, type Mark } from './mark.ts';
import type { StartWatchdog, Thaw, Watchdog } from './watchdog.ts';

export interface FreezePorts {
  readonly exec: Exec;
  readonly mounts: Mounts;
  readonly log: Log;
  /** ROOT/mounts: volumes are mounted there under their ids, and nothing else may be frozen. */
  readonly stages: string;
  /** What must never be frozen, as it is now. */
  readonly spared: () => Promise<readonly Spared[]>;
  readonly startWatchdog: StartWatchdog;
  /** How long the mark may take to be written, in milliseconds: 30,000 unless said otherwise. */
  readonly markMs?: number;
}

export interface FreezeRequest {
  /** Where the volume's filesystem is mounted: STAGES/VOLUMEID. */
  readonly mountpoint: string;
  /** Longest freeze, in milliseconds: 10,000 unless said otherwise, at most 60,000. */
  readonly deadlineMs?: number;
}

export interface Frozen<T> {
  readonly result: T;
  /** How long writers waited at most, in milliseconds, from the watchdog's monotonic clock. */
  readonly frozenMs: number;
  /** Written and synced just before the freeze; none where the volume is read-only or full. */
  readonly mark?: Mark;
}

/** Done under the freeze: short, and never a write to the volume. The signal aborts when the freeze has ended without it. */
export type FrozenWork<T> = (signal: AbortSignal) => Promise<T>;

const defaultDeadlineMs = 10_000;
const maxDeadlineMs = 60_000;
const defaultMarkMs = 30_000;
/** What is dirty is written out before writers have to wait; that may take long, and the freeze then does not. */
const syncTimeoutMs = 10 * 60_000;

/**
 * Runs `work` while nothing can be written to a volume, and thaws whatever happens: here, or by the watchdog at the deadline or
 * when the agent dies. An answer means that the volume was frozen from before the work until after it.
 * @throws PathRefused when it is not a volume's own mount; VolumeBusy when it is frozen already; TimedOut when the deadline came
 * before the end of the work; Conflict when somebody else thawed; what `work` throws.
 */
export async function withFrozen<T>(
  ports: FreezePorts,
  request: FreezeRequest,
  work: FrozenWork<T>,
): Promise<Frozen<T>> {
  const watchdog = await prepare(ports, request, deadlineOf(request));
  const mark = await writeMark(ports.log, request.mountpoint, watchdog);
  let result: T;
  let thaw: Thaw;
  try {
    await watchdog.freeze();
    result = await whileFrozen(watchdog, request, work);
  } finally {
    thaw = await thawNow(ports, request, watchdog); // guard: freeze-thaws-always
  }
  if (thaw.by !== 'agent' || thaw.frozenMs === undefined) throw thawedEarly(request, thaw);
  const { frozenMs } = thaw;
  ports.log.info('was frozen', { path: request.mountpoint, frozenMs });
  return { result, frozenMs, ...(mark === undefined ? {} : { mark }) };
}

function deadlineOf({ deadlineMs = defaultDeadlineMs }: FreezeRequest): number {
  if (Number.isInteger(deadlineMs) && deadlineMs >= 1 && deadlineMs <= maxDeadlineMs) return deadlineMs;
  throw new ProductError('InvalidInput', `A freeze cannot have the deadline ${deadlineMs} ms.`, {
    value: deadlineMs,
    allowed: `1 to ${maxDeadlineMs} ms`,
    hint: `Leave it out for ${defaultDeadlineMs} ms.`,
  });
}

/** Looks at what is to be frozen, has it written out, and starts the watchdog over the very directory that was looked at. */
async function prepare(
  ports: FreezePorts,
  { mountpoint }: FreezeRequest,
  deadlineMs: number,
): Promise<Watchdog> {
  const handle = await openMountpoint(mountpoint);
  try {
    const device = deviceNumber((await handle.stat()).dev);
    const rules = { stages: ports.stages, spared: await ports.spared() };
    freezable({ path: mountpoint, device }, rules, await ports.mounts.list());
    await ports.exec.run('sync', ['--file-system', '--', mountpoint], { timeoutMs: syncTimeoutMs });
    const { startWatchdog, markMs = defaultMarkMs } = ports;
    return await startWatchdog({ descriptor: handle.fd, deadlineMs, markMs });
  } finally {
    await handle.close();
  }
}

async function openMountpoint(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new ProductError('PathRefused', `${path} is not a directory that can be opened.`, {
      value: path,
      hint: 'The volume is not mounted on this host: back it up with consistency "none".',
      cause,
    });
  }
}

async function whileFrozen<T>(watchdog: Watchdog, request: FreezeRequest, work: FrozenWork<T>): Promise<T> {
  const late = new AbortController();
  const early = watchdog.ended.then((thaw) => {
    const error = thawedEarly(request, thaw);
    if (thaw.by !== 'agent') late.abort(error);
    throw error;
  });
  early.catch(() => undefined);
  return Promise.race([work(late.signal), early]);
}

async function thawNow(
  { exec, log }: FreezePorts,
  { mountpoint }: FreezeRequest,
  watchdog: Watchdog,
): Promise<Thaw> {
  const thaw = await watchdog.thaw();
  if (thaw.by !== 'killed') return thaw;
  // 1: nothing is frozen.
  const { code } = await exec.run('fsfreeze', ['--unfreeze', mountpoint], { accept: [0, 1] });
  if (code === 0) log.warn('the watchdog was killed; thawed without it', { path: mountpoint });
  return thaw;
}

/** What was cut in such a freeze may have been cut after it: it does not count. */
function thawedEarly({ mountpoint }: FreezeRequest, { by, frozenMs }: Thaw): ProductError {
  const after = frozenMs === undefined ? '' : ` after ${Math.round(frozenMs)} ms`;
  const hint = 'What was made meanwhile may not be consistent: do not use it, and try again.';
  if (by === 'deadline') {
    return new ProductError(
      'TimedOut',
      `${mountpoint} was thawed at its deadline${after}, before the cut was made.`,
      {
        hint: `${hint} The deadline of a freeze can be set to ${maxDeadlineMs / 1000} s at most.`,
      },
    );
  }
  const who = by === 'other' ? 'somebody else thawed it' : 'the watchdog of the freeze was ended';
  return new ProductError('Conflict', `${mountpoint} did not stay frozen: ${who}${after}.`, { hint });
}
