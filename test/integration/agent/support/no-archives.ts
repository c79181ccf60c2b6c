import { ProductError } from '#shared/model/errors.ts';
import type { HostApi } from '#agent/link/api.ts';

export type ArchiveCalls = Pick<HostApi, 'signExportParts' | 'completeExport' | 'importSource'>;

const unwanted = () => Promise.reject(new ProductError('OperationNotFound', 'No such transfer.'));

/** Nobody is asked for an archive. */
export const noArchives: ArchiveCalls = {
  signExportParts: unwanted,
  completeExport: unwanted,
  importSource: unwanted,
};
