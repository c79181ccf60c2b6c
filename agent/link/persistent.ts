import { setTimeout as delay } from 'node:timers/promises';
import { isProductError } from '#shared/model/errors.ts';
import type { HostApi } from './api.ts';
import { isAway } from './away.ts';
import { backoff } from './backoff.ts';

/** What tasks call; each may be repeated, as the control plane answers a repeat like the first. */
type TaskApi = Pick<
  HostApi,
  | 'cut'
  | 'release'
  | 'reportTask'
  | 'signExportParts'
  | 'completeExport'
  | 'importSource'
  | 'manifest'
  | 'grantRepository'
>;

const mostTries = 5;

/** How long a call is made again. */
export interface Patience {
  /** Milliseconds since the first try, after which none is begun. @default five tries, however long they take */
  readonly forMs?: number;
  /** Milliseconds before the second try; doubled before each further one, up to 15 s. @default 250 */
  readonly firstMs?: number;
  /** Aborted when nothing is to be waited for any more. */
  readonly signal?: AbortSignal;
}

/** A deployment of the control plane, or a network that is mended, takes minutes. */
const ofTasks = { forMs: 10 * 60_000 };

/**
 * The API for tasks: calls without an answer must not cost the work behind them, which may have taken hours. A cut is asked for
 * once, for the filesystem is frozen meanwhile.
 */
export function persistentApi(api: TaskApi, patience: Patience): TaskApi {
  const keepOn = <T>(call: () => Promise<T>): Promise<T> => persist(call, { ...ofTasks, ...patience });
  return {
    cut: (...call) => api.cut(...call),
    release: (...call) => keepOn(() => api.release(...call)),
    reportTask: (...call) => keepOn(tolerant(() => api.reportTask(...call))),
    signExportParts: (...call) => keepOn(() => api.signExportParts(...call)),
    completeExport: (...call) => keepOn(() => api.completeExport(...call)),
    importSource: (...call) => keepOn(() => api.importSource(...call)),
    manifest: (...call) => keepOn(() => api.manifest(...call)),
    grantRepository: (...call) => keepOn(() => api.grantRepository(...call)),
  };
}

/** The control plane may have taken a report, and be done with the task, when the answer is lost. */
function tolerant(report: () => Promise<void>): () => Promise<void> {
  let repeated = false;
  return async () => {
    try {
      await report();
    } catch (error) {
      if (!repeated || !isProductError(error, 'OperationNotFound')) throw error;
    } finally {
      repeated = true;
    }
  };
}

/** Makes a call that may be repeated again, while nobody answers it. @throws its last error; the signal's reason */
export async function persist<T>(call: () => Promise<T>, patience: Patience = {}): Promise<T> {
  const { forMs, firstMs = 250, signal } = patience;
  const pause = backoff({ firstMs, maxMs: 15_000 });
  const began = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const goesOn = forMs === undefined ? tries < mostTries : performance.now() - began < forMs;
      if (!isAway(error) || !goesOn) throw error;
      await delay(pause.next(), undefined, signal === undefined ? {} : { signal });
    }
  }
}
