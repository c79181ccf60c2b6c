import { join } from 'node:path';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    readonly clouds: Clouds;
  }
}

/** Where the local clouds of this run are. */
export interface Clouds {
  /** Homes of the run's own clouds lie here. */
  readonly folder: string;
  /** A running cloud to use instead, which is left alone. */
  readonly given?: string;
}

/**
 * Home of the cloud that this worker's files use. Two workers have a cloud each: files switch faults on that would hit whatever else
 * runs in the same cloud.
 */
export function cloudHome(): string {
  const { folder, given } = inject('clouds');
  return given ?? join(folder, process.env['VITEST_POOL_ID'] ?? '1');
}
