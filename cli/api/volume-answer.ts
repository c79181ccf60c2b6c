import type { Operation } from '#shared/model/operation.ts';
import type { Volume } from '#shared/model/volume.ts';

/** A mutation either is done (the volume) or has begun (the operation). */
export function isOperation(body: Volume | Operation): body is Operation {
  return 'kind' in body && 'progress' in body;
}
