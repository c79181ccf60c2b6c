import { metricNames } from '#shared/model/metrics.ts';
import { findLeaks } from './leaks.ts';
import type { SweepPorts, SweepReport } from './ports.ts';
import { startPurges } from './purges.ts';
import { restartOperations } from './restarts.ts';

/**
 * Finishes what a crash left: operations without an execution are started again (the worker goes on, or takes an attach that
 * is too old back), tombstones whose undo window has ended get a purge operation, and EC2 volumes without a record are reported.
 * It never calls AWS for a volume (contract 8: that is the worker's, under its claim) and never deletes (contract 4).
 */
export async function sweep(ports: SweepPorts): Promise<SweepReport> {
  const purges = await startPurges(ports);
  const { restarted, stuck } = await restartOperations(ports);
  const leaks = await findLeaks(ports);
  ports.count(metricNames.restartedOperations, restarted.length);
  ports.count(metricNames.stuckOperations, stuck.length);
  ports.count(metricNames.leakedVolumes, leaks.length);
  const report = { restarted, stuck, purges, leaks };
  ports.log.info('swept', report);
  return report;
}
