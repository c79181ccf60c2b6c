import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { transferKey } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { TransferItem } from '#shared/model/items.ts';
import type { Ports } from '#functions/volumes/ports.ts';

/** What the use cases of archives need besides. */
export interface TransferPorts extends Ports {
  readonly objects: TransferObjects;
}

/** A transfer of one kind in the namespace. @throws ProductError OperationNotFound */
export async function findTransfer(
  { table }: Pick<Ports, 'table'>,
  { namespace, id, kind }: Pick<TransferItem, 'namespace' | 'id' | 'kind'>,
): Promise<TransferItem> {
  const transfer = await table.read('transfer', keys.transfer(id));
  if (transfer !== undefined && transfer.namespace === namespace && transfer.kind === kind) return transfer;
  throw new ProductError('OperationNotFound', `There is no ${kind} ${id} in namespace "${namespace}".`, {
    value: id,
    hint: 'Begin again.',
  });
}

/** The transfer's object. */
export function objectOf({ id, versionId }: TransferItem): { key: string; versionId: string | undefined } {
  return { key: transferKey(id), versionId };
}
