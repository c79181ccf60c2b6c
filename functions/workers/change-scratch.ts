import { forget } from '#shared/aws/table/volume-writes.ts';
import { discard, put, replace, type Write } from '#shared/aws/table/writes.ts';
import type { ErrorCode } from '#shared/model/errors.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { drilledOf, type DrillFinding } from '#shared/model/rules-drill.ts';
import { fail, goOn, succeed, type Change, type ChangeFacts } from './change.ts';
import { endOfDrill } from './drill-outcome.ts';

interface ScratchChangeFacts extends ChangeFacts {
  /** The backup that is looked into, and what its host was asked. */
  readonly scratch?:
    { readonly backup: BackupItem | undefined; readonly task: TaskItem | undefined } | undefined;
}

/** Written down before the scratch volume goes; that it has failed is kept for the operation's end. */
export function recordDrill(facts: ScratchChangeFacts, finding: DrillFinding): Change {
  const { operation, scratch, now } = facts;
  const { task } = scratch ?? {};
  const { drill, patch, failure } = endOfDrill(operation, finding, { now, task });
  const asked = task === undefined ? [] : [discard('hostTask', task)];
  const kept = scratch?.backup === undefined ? [] : [put('drilled', drilledOf(scratch.backup, drill))];
  return goOn(
    [...changeBackup(facts, patch), ...kept, ...asked],
    failure === undefined ? {} : { error: failure },
  );
}

/** Nothing is left of the scratch volume: the operation ends as it was noted, and needs the backup no more. */
export function finishScratch(facts: ScratchChangeFacts): Change {
  const { operation, record, scratch } = facts;
  const users = (scratch?.backup?.users ?? []).filter((user) => user !== operation.id);
  const writes = [...forget(record), ...changeBackup(facts, { users })];
  const { error } = operation;
  if (error === undefined) return succeed(facts, writes);
  const { detail, hint } = error;
  // What is recorded in an operation was one of our codes when it was written.
  const code = error.code as ErrorCode;
  return fail(facts, { code, detail, ...(hint === undefined ? {} : { hint }) }, writes);
}

function changeBackup({ scratch, now }: ScratchChangeFacts, patch: Partial<BackupItem>): Write[] {
  if (scratch?.backup === undefined) return [];
  const { backup } = scratch;
  return [replace('backup', backup, { ...backup, ...patch, updatedAt: now.toISOString() })];
}
