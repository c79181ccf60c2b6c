import { App, Stack } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { synthesise } from './support/synth.ts';

const { app } = synthesise();
const Reasons = z.record(z.string(), z.string());

/** Every accepted finding of cdk-nag: where, which, why. */
const accepted = app.node.findAll().flatMap((construct) =>
  construct.node.metadata
    .filter(({ type }) => type === 'aws:cdk:acknowledged-rules')
    .flatMap(({ data }) => Object.entries(Reasons.parse(data)))
    .filter(([rule]) => rule.includes('AwsSolutions'))
    .map(([rule, reason]) => ({ construct, rule, reason })),
);

test('no finding is accepted for a whole stack, nor for the app', () => {
  const wide = accepted.filter(({ construct }) => Stack.isStack(construct) || App.isApp(construct));
  expect(wide.map(({ rule }) => rule)).toEqual([]);
});

test('each accepted finding has a reason of its own', () => {
  expect(accepted.length).toBeGreaterThan(0);
  expect(accepted.filter(({ reason }) => reason.length < 30).map(({ rule }) => rule)).toEqual([]);
});

test('wildcards in policies are accepted one by one, each by the resource that holds it', () => {
  const wildcards = accepted.filter(({ rule }) => rule.includes('IAM5'));
  expect(wildcards.filter(({ rule }) => !/IAM5\[Resource::.+\]$/.test(rule)).map(({ rule }) => rule)).toEqual(
    [],
  );
});

test('only calls that know no resources are allowed on all of them', () => {
  const reasons = accepted.filter(({ rule }) => rule.endsWith('[Resource::*]')).map(({ reason }) => reason);
  for (const reason of reasons) expect(reason).toMatch(/no resource-level permissions|knows? no resources/);
});
