import { reportedHookOutput, type BackupHooks, type HookRun } from '#shared/model/consistency.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { Hook, HookReport, Hooks } from '#agent/freeze/hooks.ts';
import type { Container, Docker } from '#agent/host/docker.ts';
import type { Log } from '#agent/log.ts';

export interface CutHookPorts {
  readonly containers: Pick<Docker, 'containers'>;
  readonly log: Log;
}

/** The commands around a cut, in the container that they run in; or why they do not run. */
export interface PlannedHooks {
  readonly hooks: Hooks;
  readonly skipped: readonly HookRun[];
}

/**
 * Where the hooks of a volume's cut run: in a running container that uses the volume, and in no other.
 * @throws ProductError CommandFailed where there is none, or several and none is named; unless a failure is to be passed over.
 */
export async function planHooks(
  { containers, log }: CutHookPorts,
  volume: string,
  wanted: BackupHooks | undefined,
): Promise<PlannedHooks> {
  if (wanted === undefined) return { hooks: {}, skipped: [] };
  try {
    const container = choose(await containers.containers(), volume, wanted.container);
    return { hooks: hooksIn(container, wanted), skipped: [] };
  } catch (error) {
    if (wanted.onError === 'fail') throw error;
    log.warn('hooks are left out', { volume, error });
    return { hooks: {}, skipped: [leftOut(wanted, error)] };
  }
}

function hooksIn({ name }: Container, { before, after, timeoutSeconds, onError }: BackupHooks): Hooks {
  const hookOf = (command: readonly string[]): Hook => ({
    container: name,
    command,
    timeoutMs: timeoutSeconds * 1000,
    onError,
  });
  return {
    ...(before === undefined ? {} : { before: hookOf(before) }),
    ...(after === undefined ? {} : { after: hookOf(after) }),
  };
}

function choose(
  all: readonly Container[] | undefined,
  volume: string,
  wanted: string | undefined,
): Container {
  if (all === undefined) throw refused('Docker does not say which containers there are.', '"docker ps" does');
  const users = all.filter(({ state, volumes }) => state === 'running' && volumes.includes(volume)); // guard: hooks-in-users off: const users = all.filter(({ state }) => state === 'running');
  const meant = wanted === undefined ? users : users.filter((one) => isCalled(one, wanted));
  const [first] = meant;
  if (first !== undefined && meant.length === 1) return first;
  const there = users.map(({ name }) => name).join(', ');
  if (first !== undefined)
    throw refused(`Several containers use "${volume}": ${there}.`, 'Name one: --hook-container NAME.');
  const who = wanted === undefined ? 'No running container' : `No running container called "${wanted}"`;
  const others = there === '' ? 'Start one, or back up without hooks.' : `These do: ${there}.`;
  throw refused(`${who} uses "${volume}" on this host.`, others);
}

/** By name, or by its id or the beginning that Docker shows. */
function isCalled({ id, name }: Container, wanted: string): boolean {
  return name === wanted || (wanted.length >= 12 && id.startsWith(wanted));
}

function refused(detail: string, hint: string): ProductError {
  return new ProductError('CommandFailed', detail, { hint });
}

function leftOut({ before, container = '' }: BackupHooks, error: unknown): HookRun {
  const why = error instanceof Error ? error.message : String(error);
  const when = before === undefined ? 'after' : 'before';
  return { when, container, ok: false, ms: 0, output: '', error: why.slice(-reportedHookOutput) };
}

/** As the control plane takes it. */
export function hookRunOf({ container, output, error, ...rest }: HookReport): HookRun {
  return {
    ...rest,
    container: container.slice(0, 128),
    output: output.slice(-reportedHookOutput),
    ...(error === undefined ? {} : { error: error.slice(-reportedHookOutput) }),
  };
}
