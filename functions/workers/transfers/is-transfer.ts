import type { OperationKind } from '#shared/model/operation.ts';

/** Whether an operation of the backup worker moves an archive; all others make and remove backups. */
export function isTransfer(kind: OperationKind | undefined): boolean {
  return kind === 'export' || kind === 'import';
}
