import { metricNames } from '#shared/model/metrics.ts';
import { forgetHosts, removeQueues } from './hosts.ts';
import { findLeaks } from './leaks.ts';
import { findLeftovers } from './leftovers.ts';
import { removeManifests } from './manifests.ts';
import type { SweepPorts, SweepReport } from './ports.ts';
import { startPurges } from './purges.ts';
import { restartOperations, restartRuns } from './restarts.ts';

/**
 * Finishes what a crash left: operations and policies' runs without an execution are started again (the worker goes on, or takes an attach that
 * is too old back), tombstones whose undo window has ended get a purge operation, and what is in AWS without a record is reported.
 * It never calls AWS for a volume (contract 8: that is the worker's, under its claim) and never deletes storage (contract 4):
 * all that it removes are second snapshots of a backup, recovery points of backups that failed, manifests of removed ones, and the queues and records of terminated hosts.
 * Its parts do not need one another: what one of them fails at keeps none of the others from their work.
 * @throws what the first part that failed threw, after the others are done and counted; each failure is logged
 */
export async function sweep(ports: SweepPorts): Promise<SweepReport> {
  const parts = new Parts(ports);
  const purges = await parts.run('purges', startPurges);
  const operations = await parts.run('operations', restartOperations);
  parts.count(metricNames.restartedOperations, operations?.restarted);
  parts.count(metricNames.stuckOperations, operations?.stuck);
  const runs = await parts.run('runs', restartRuns);
  const leaks = await parts.run('leaks', findLeaks);
  parts.count(metricNames.leakedVolumes, leaks);
  const { left: leftovers, doubles } = (await parts.run('leftovers', findLeftovers)) ?? {};
  parts.count(metricNames.leftovers, leftovers);
  const manifests = await parts.run('manifests', removeManifests);
  const queues = await parts.run('queues', removeQueues);
  const hosts = await parts.run('hosts', forgetHosts);
  const { restarted = [], stuck = [] } = operations ?? {};
  const found = { purges: purges ?? [], runs: runs ?? [], leaks: leaks ?? [], queues: queues ?? [] };
  const report = { restarted, stuck, ...found, leftovers, doubles, manifests, hosts: hosts ?? [] };
  ports.log.info('swept', { ...report, failed: parts.failed });
  parts.rethrow();
  return report;
}

/** The parts of one sweep, each on its own. */
class Parts {
  readonly #ports: SweepPorts;
  readonly #failures: { readonly part: string; readonly error: unknown }[] = [];

  constructor(ports: SweepPorts) {
    this.#ports = ports;
  }

  get failed(): string[] {
    return this.#failures.map(({ part }) => part);
  }

  /** What the part gives; undefined when it failed. */
  async run<T>(part: string, work: (ports: SweepPorts) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(this.#ports);
    } catch (error) {
      this.#failures.push({ part, error });
      this.#ports.log.error('a part of the sweep failed', { part, error });
      return undefined;
    }
  }

  /** What a part found; nothing is said of one that failed, or did not look. */
  count(metric: string, found: readonly string[] | undefined): void {
    if (found !== undefined) this.#ports.count(metric, found.length);
  }

  rethrow(): void {
    const [first] = this.#failures;
    if (first !== undefined) throw first.error;
  }
}
