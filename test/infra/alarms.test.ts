import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { metricNames, metricsNamespace } from '#shared/model/metrics.ts';
import { checkout, resourcesOf, synthesise } from './support/synth.ts';

const { controlPlane, observability } = synthesise();
const alarms = Object.fromEntries(
  [controlPlane, observability].flatMap((template) => [
    ...Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => [String(Properties['AlarmName']), Properties] as const,
    ),
    ...Object.values(resourcesOf(template, 'AWS::CloudWatch::CompositeAlarm')).map(
      ({ Properties }) => [String(Properties['AlarmName']), Properties] as const,
    ),
  ]),
);
const cases = Object.entries(alarms);

/** Sections of the runbook by alarm, each with its parts. */
function runbook(): Map<string, string> {
  const sections = readFileSync(join(checkout, 'docs', 'runbook.md'), 'utf8')
    .split(/^## /m)
    .slice(1);
  return new Map(
    sections
      .map((section) => [section.split('\n', 1)[0]?.trim() ?? '', section] as const)
      .filter(([title]) => title.startsWith('hivemind-')),
  );
}

test('every alarm has a section in the runbook, and every section has an alarm', () => {
  expect([...runbook().keys()].toSorted()).toEqual(Object.keys(alarms).toSorted());
});

test.each([...runbook()])('%s: the section describes, investigates and resolves', (_, section) => {
  const parts = section.split(/^### /m).slice(1);
  expect(parts.map((part) => part.split('\n', 1)[0])).toEqual(['Description', 'Investigation', 'Resolution']);
  for (const part of parts) expect(part.length).toBeGreaterThan(60);
});

test.each(cases)(
  '%s says how grave it is, what it means, where to read on and what no data means',
  (name, alarm) => {
    const lines = String(alarm['AlarmDescription']).split('\n');
    expect(lines[0]).toMatch(/^\[(high|medium|low)\] \S.{20,}/);
    expect(lines[1]).toMatch(new RegExp(`^Runbook: https://\\S+#${name}$`));
    expect(lines[2]).toMatch(/^No data: \S.{10,}/);
  },
);

test.each(cases)('%s tells somebody', (_, alarm) => {
  expect(JSON.stringify(alarm['AlarmActions'])).toContain('AlarmTopic');
});

test.each(cases.filter(([, alarm]) => !('AlarmRule' in alarm)))(
  '%s is explicit about missing data',
  (_, alarm) => {
    expect(['breaching', 'notBreaching', 'ignore', 'missing']).toContain(alarm['TreatMissingData']);
  },
);

test('alarms on metrics of ours name metrics that the model has', () => {
  const ours = Object.values(alarms).filter(({ Namespace }) => Namespace === metricsNamespace);
  expect(ours.length).toBeGreaterThan(0);
  for (const { MetricName } of ours) expect(Object.values(metricNames)).toContain(MetricName);
});

test('the composite goes on with any of the high alarms', () => {
  const high = cases
    .filter(
      ([name, alarm]) =>
        String(alarm['AlarmDescription']).startsWith('[high]') && name !== 'hivemind-unhealthy',
    )
    .map(([name]) => name);
  const rule = JSON.stringify(alarms['hivemind-unhealthy']?.['AlarmRule']);
  expect(high.filter((name) => !rule.includes(name))).toEqual([]);
});

test('the topic is encrypted under our key, refuses calls without TLS, and CloudWatch may publish', () => {
  expect(Object.keys(resourcesOf(controlPlane, 'AWS::SNS::Topic'))).toHaveLength(1);
  const [topic] = Object.values(resourcesOf(controlPlane, 'AWS::SNS::Topic'));
  expect(JSON.stringify(topic?.Properties['KmsMasterKeyId'])).toContain('DataKey');
  const policy = JSON.stringify(resourcesOf(controlPlane, 'AWS::SNS::TopicPolicy'));
  expect(policy).toContain('"aws:SecureTransport":"false"');
  expect(policy).toContain('cloudwatch.amazonaws.com');
});
