import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { newDrill, type DrillFinding } from '#shared/model/rules-drill.ts';
import type { Drill } from '#shared/model/drill.ts';
import type { Failure } from './planner.ts';

interface DrillEnd {
  readonly drill: Drill;
  /** Of the backup's record. */
  readonly patch: Partial<BackupItem>;
  /** Of the operation; undefined where the drill has passed. */
  readonly failure: Failure | undefined;
}

/** What a drill's finding changes. */
export function endOfDrill(
  operation: OperationItem,
  finding: DrillFinding,
  { now, task }: { readonly now: Date; readonly task: TaskItem | undefined },
): DrillEnd {
  const drill = newDrill(operation, finding, { now, askedAt: task?.at });
  const { outcome, detail } = finding;
  const { at, restoreSeconds = drill.seconds } = drill;
  if (outcome === 'passed')
    return { drill, patch: { drill, verified: { at, restoreSeconds } }, failure: undefined };
  const code = outcome === 'overdue' ? 'TimedOut' : 'DrillFailed';
  return { drill, patch: { drill }, failure: { code, detail } };
}
