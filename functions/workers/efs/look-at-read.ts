import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { ChangeFacts } from '../change.ts';
import type { EfsReadFacts } from '../planner-efs-extract.ts';

/** Of a browse or an extract: its backup, what its host was asked, and what that sends. */
export async function lookAtRead(
  table: Pick<Table, 'read' | 'readBackup' | 'readHost'>,
  { operation: { id, read, backup = '', host = '' } }: ChangeFacts,
): Promise<EfsReadFacts | undefined> {
  if (read === undefined) return undefined;
  const task = await table.read('task', keys.task(id));
  return {
    backup: await table.readBackup(backup),
    task: task?.kind === 'extract-files' ? task : undefined,
    target: await table.readHost(host),
    transfer: await table.read('transfer', keys.transfer(id)),
  };
}
