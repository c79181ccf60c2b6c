import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { transferKey } from '#shared/model/archive-transfer.ts';
import type { TransferItem } from '#shared/model/items.ts';
import { goOn, type Change } from '../change.ts';

/** Removes what a transfer has in the archive bucket: its object, or the upload that did not become one. */
export async function removeArchive(
  objects: Pick<TransferObjects, 'abort' | 'remove'>,
  transfer: TransferItem | undefined,
): Promise<() => Change> {
  if (transfer === undefined) return () => goOn();
  const { id, uploadId, versionId, sha256 } = transfer;
  const key = transferKey(id);
  if (sha256 !== undefined) await objects.remove({ key, versionId });
  else if (uploadId !== undefined) await objects.abort({ key, uploadId });
  return () => goOn([replace('transfer', transfer, { ...transfer, removed: true })]);
}
