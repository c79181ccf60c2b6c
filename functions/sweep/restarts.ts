import type { OperationItem } from '#shared/model/items.ts';
import type { SweepPorts } from './ports.ts';

/** Whoever wrote the operation is about to start it himself. */
const grace = 20_000;
/** An operation that has said nothing new for so long is reported as stuck. */
const stuckAfter = 15 * 60_000;
/** Starts of one operation: far more than six-hour executions can be in a tombstone's life. */
const maxRestarts = 500;

/** Starts unfinished operations again whose execution never was, or has ended without finishing them. */
export async function restartOperations(
  ports: SweepPorts,
): Promise<{ readonly restarted: string[]; readonly stuck: string[] }> {
  const now = ports.clock().getTime();
  const before = new Date(now - grace).toISOString();
  const unfinished = await ports.table.listUnfinishedOperations(before);
  const restarted: string[] = [];
  for (const operation of unfinished) {
    const name = await restart(ports, operation);
    if (name !== undefined) restarted.push(name);
  }
  const stuck = unfinished
    .filter(({ updatedAt }) => now - Date.parse(updatedAt) > stuckAfter)
    .map(({ id }) => id);
  return { restarted, stuck };
}

/** The name of the execution that was started; undefined when one runs. Names are used once: the id, then `<id>-r1` and on. */
async function restart(
  { executions, log }: SweepPorts,
  operation: OperationItem,
): Promise<string | undefined> {
  for (let count = 0; count <= maxRestarts; count++) {
    const name = count === 0 ? operation.id : `${operation.id}-r${count}`;
    const state = await executions.state(name);
    if (state === 'running') return undefined;
    if (state === 'ended') continue;
    await executions.start(name, operation);
    return name;
  }
  log.error('operation restarted too often', { operationId: operation.id });
  return undefined;
}
