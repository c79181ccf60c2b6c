import type { OperationItem } from '#shared/model/items.ts';
import type { OperationKind } from '#shared/model/operation.ts';

const kinds: ReadonlySet<OperationKind | undefined> = new Set<OperationKind>([
  'export',
  'import',
  'browse',
  'extract',
]);

/**
 * Whether an operation of the backup worker moves files by way of the archive bucket; all others make and remove backups. An
 * import in place makes a guard first: it is carried out like any other replacement of files.
 */
export function isTransfer(operation: Pick<OperationItem, 'kind' | 'guard'> | undefined): boolean {
  return kinds.has(operation?.kind) && operation?.guard === undefined;
}
