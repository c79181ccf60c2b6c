import type { ExecutionsOf } from '#shared/aws/executions.ts';
import type { SweepPorts } from './ports.ts';

/** Whoever wrote the operation is about to start it himself. */
const grace = 20_000;
/** Oldest first: purges may wait for weeks for a host that can empty a directory, and must not hide what is newer. */
const most = 1_000;
/** An operation that has said nothing new for so long is reported as stuck. */
const stuckAfter = 15 * 60_000;

/** Starts unfinished operations again whose execution never was, or has ended without finishing them. */
export async function restartOperations(
  ports: SweepPorts,
): Promise<{ readonly restarted: string[]; readonly stuck: string[] }> {
  const now = ports.clock().getTime();
  const before = new Date(now - grace).toISOString();
  const unfinished = await ports.table.listUnfinishedOperations(before, most);
  const restarted: string[] = [];
  for (const operation of unfinished) {
    // One that cannot be started right now must not keep the others from being started.
    const name = await restart(ports.executions, operation).catch((error: unknown) => {
      ports.log.warn('operation not restarted', { operationId: operation.id, error });
    });
    if (name !== undefined) restarted.push(name);
  }
  const stuck = unfinished
    .filter(({ updatedAt }) => now - Date.parse(updatedAt) > stuckAfter)
    .map(({ id }) => id);
  return { restarted, stuck };
}

/** The name of the execution that was started; undefined when one runs. */
async function restart<W extends { readonly id: string }>(
  executions: ExecutionsOf<W>,
  work: W,
): Promise<string | undefined> {
  const last = await lastOf(executions, work.id);
  if (last.running) return undefined;
  const name = nameOf(work.id, last.count + 1);
  await executions.start(name, work);
  return name;
}

/** The same for runs of policies. */
export async function restartRuns(ports: SweepPorts): Promise<string[]> {
  const before = new Date(ports.clock().getTime() - grace).toISOString();
  const restarted: string[] = [];
  for (const run of await ports.table.listUnfinishedRuns(before, most)) {
    const name = await restart(ports.runs, run).catch((error: unknown) => {
      ports.log.warn('run not restarted', { run: run.id, error });
    });
    if (name !== undefined) restarted.push(name);
  }
  return restarted;
}

/** Names are used once, one after the other: the id, then `<id>-r1` and on. */
function nameOf(id: string, count: number): string {
  return count === 0 ? id : `${id}-r${count}`;
}

/**
 * The last execution that there was, -1 for none. Operations may wait for weeks and have hundreds: asked for in ever larger
 * steps, then between the last two of them.
 */
async function lastOf(
  executions: Pick<ExecutionsOf<never>, 'state'>,
  id: string,
): Promise<{ count: number; running: boolean }> {
  let [there, missing, running] = [-1, Number.POSITIVE_INFINITY, false];
  while (!running && missing - there > 1) {
    const count = Number.isFinite(missing)
      ? Math.floor((there + missing) / 2)
      : there < 1
        ? there + 1
        : 2 * there;
    const state = await executions.state(nameOf(id, count));
    if (state === 'missing') missing = count;
    else [there, running] = [count, state === 'running'];
  }
  return { count: there, running };
}
