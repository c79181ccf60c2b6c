import { MetricUnit, type Metrics } from '@aws-lambda-powertools/metrics';
import { metricNames, policyDimensions } from '#shared/model/metrics.ts';

/** Publishes the number of overdue volumes: of one policy under its own dimension, or in all. */
export function publishOverdue(metrics: Metrics): (overdue: number, policyId?: string) => void {
  return (overdue, policyId) => {
    if (policyId === undefined) {
      metrics.addMetric(metricNames.overdueVolumes, MetricUnit.Count, overdue);
      return;
    }
    // `service` is a default dimension of every metric of ours.
    const { service: _service, ...own } = policyDimensions(policyId);
    const single = metrics.singleMetric();
    for (const [name, value] of Object.entries(own)) single.addDimension(name, value);
    single.addMetric(metricNames.overdueVolumesOfPolicy, MetricUnit.Count, overdue);
  };
}
