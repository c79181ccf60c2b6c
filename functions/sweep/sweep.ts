import { metricNames } from '#shared/model/metrics.ts';
import { forgetHosts, removeQueues } from './hosts.ts';
import { findLeaks } from './leaks.ts';
import { findLeftovers } from './leftovers.ts';
import type { SweepPorts, SweepReport } from './ports.ts';
import { startPurges } from './purges.ts';
import { restartOperations, restartRuns } from './restarts.ts';

/**
 * Finishes what a crash left: operations and policies' runs without an execution are started again (the worker goes on, or takes an attach that
 * is too old back), tombstones whose undo window has ended get a purge operation, and what is in AWS without a record is reported.
 * It never calls AWS for a volume (contract 8: that is the worker's, under its claim) and never deletes storage (contract 4):
 * all that it removes are second snapshots of a backup, and the queues and records of terminated hosts.
 */
export async function sweep(ports: SweepPorts): Promise<SweepReport> {
  const purges = await startPurges(ports);
  const { restarted, stuck } = await restartOperations(ports);
  const runs = await restartRuns(ports);
  const leaks = await findLeaks(ports);
  const { left: leftovers, doubles } = (await findLeftovers(ports)) ?? {};
  const queues = await removeQueues(ports);
  const hosts = await forgetHosts(ports);
  ports.count(metricNames.restartedOperations, restarted.length);
  ports.count(metricNames.stuckOperations, stuck.length);
  ports.count(metricNames.leakedVolumes, leaks.length);
  if (leftovers !== undefined) ports.count(metricNames.leftovers, leftovers.length);
  const report = { restarted, runs, stuck, purges, leaks, leftovers, doubles, queues, hosts };
  ports.log.info('swept', report);
  return report;
}
