import { setTimeout as delay } from 'node:timers/promises';
import { isProductError } from '#shared/model/errors.ts';
import type { HostApi } from './api.ts';
import { isAway } from './away.ts';

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
/** Before the second try, in milliseconds; doubled before each further one. */
const firstWait = 250;

/**
 * The API for tasks: one call without an answer must not cost the work behind it, which may have taken hours. A cut is asked for
 * once, for the filesystem is frozen meanwhile.
 */
export function persistentApi(api: TaskApi): TaskApi {
  return {
    cut: (...call) => api.cut(...call),
    release: (...call) => persist(() => api.release(...call)),
    reportTask: (...call) => report(() => api.reportTask(...call)),
    signExportParts: (...call) => persist(() => api.signExportParts(...call)),
    completeExport: (...call) => persist(() => api.completeExport(...call)),
    importSource: (...call) => persist(() => api.importSource(...call)),
    manifest: (...call) => persist(() => api.manifest(...call)),
    grantRepository: (...call) => persist(() => api.grantRepository(...call)),
  };
}

/** The control plane may have taken a report, and be done with the task, when the answer is lost. */
async function report(call: () => Promise<void>): Promise<void> {
  let repeated = false;
  await persist(async () => {
    try {
      await call();
    } catch (error) {
      if (!repeated || !isProductError(error, 'OperationNotFound')) throw error;
    } finally {
      repeated = true;
    }
  });
}

/** Makes a call that may be repeated again, while nobody answers it. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!isAway(error) || tries >= mostTries) throw error;
      await delay(firstWait * 2 ** (tries - 1));
    }
  }
}
