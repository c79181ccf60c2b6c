import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';
import { addStacks } from '#infra/hivemind.ts';

export const checkout = join(import.meta.dirname, '..', '..', '..');

const CdkJson = z.object({ context: z.record(z.string(), z.unknown()) });

/** The app as `cdk synth` sees it (feature flags of cdk.json), without bundling; with a deployer's context on top. */
export function synthesise(context: Readonly<Record<string, unknown>> = {}) {
  const { context: flags } = CdkJson.parse(JSON.parse(readFileSync(join(checkout, 'cdk.json'), 'utf8')));
  const app = new App({ context: { ...flags, 'aws:cdk:bundling-stacks': [], ...context } });
  const stacks = addStacks(app);
  return {
    app,
    stacks,
    storage: Template.fromStack(stacks.storage),
    controlPlane: Template.fromStack(stacks.controlPlane),
    observability: Template.fromStack(stacks.observability),
    hosts: Template.fromStack(stacks.hosts),
  };
}

export const Resource = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
  Metadata: z.record(z.string(), z.unknown()).optional(),
});
export type Resource = z.infer<typeof Resource>;

/** Resources of a type by logical id. */
export function resourcesOf(template: Template, type: string): Record<string, Resource> {
  return z.record(z.string(), Resource).parse(template.findResources(type));
}

/** Every resource of a template by logical id. */
export function allResources(template: Template): Record<string, Resource> {
  return z.object({ Resources: z.record(z.string(), Resource) }).parse(template.toJSON()).Resources;
}

const oneOrMany = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
export const Statement = z.object({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMany,
  Resource: z.unknown().optional(),
  Principal: z.unknown().optional(),
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});
export type Statement = z.infer<typeof Statement>;

export const PolicyDocument = z.object({ Statement: z.array(Statement) });

/** What a role may do by its inline policies, found by a part of the role's logical id. */
export function statementsOf(template: Template, role: string): Statement[] {
  return Object.values(resourcesOf(template, 'AWS::IAM::Policy'))
    .filter(({ Properties }) => JSON.stringify(Properties['Roles']).includes(role))
    .flatMap(({ Properties }) => PolicyDocument.parse(Properties['PolicyDocument']).Statement);
}

/** Empty when the template has a resource of that type with (at least) these properties; else what the nearest ones differ in. */
export function missing(template: Template, type: string, properties: object): string {
  return failureOf(() => template.hasResourceProperties(type, properties));
}

/** Empty when all resources of that type have these properties. */
export function unlike(template: Template, type: string, properties: object): string {
  return failureOf(() => template.allResourcesProperties(type, properties));
}

function failureOf(check: () => void): string {
  try {
    check();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
