import { MetricUnit, type Metrics } from '@aws-lambda-powertools/metrics';
import { metricNames, policyDimensions, type OverdueCounts } from '#shared/model/metrics.ts';

/** Publishes what is overdue, each count that is given: of one policy under its own dimension, or in all. */
export function publishOverdue(metrics: Metrics): (counts: OverdueCounts, policyId?: string) => void {
  return (counts, policyId) => {
    for (const name of ['overdueVolumes', 'overdueDrills', 'failedDrills'] as const) {
      const count = counts[name];
      if (count === undefined) continue;
      if (policyId === undefined) metrics.addMetric(metricNames[name], MetricUnit.Count, count);
      else publishOfPolicy(metrics, policyId, { name: metricNames[`${name}OfPolicy`], count });
    }
  };
}

function publishOfPolicy(
  metrics: Metrics,
  policyId: string,
  { name, count }: { readonly name: string; readonly count: number },
): void {
  // `service` is a default dimension of every metric of ours.
  const { service: _service, ...own } = policyDimensions(policyId);
  const single = metrics.singleMetric();
  for (const [dimension, value] of Object.entries(own)) single.addDimension(dimension, value);
  single.addMetric(name, MetricUnit.Count, count);
}
