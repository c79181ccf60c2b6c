import type { OperationKind } from '#shared/model/operation.ts';

const kinds: ReadonlySet<OperationKind | undefined> = new Set<OperationKind>([
  'export',
  'import',
  'browse',
  'extract',
]);

/** Whether an operation of the backup worker moves files by way of the archive bucket; all others make and remove backups. */
export function isTransfer(kind: OperationKind | undefined): boolean {
  return kinds.has(kind);
}
