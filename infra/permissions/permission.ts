import { Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { acknowledge } from '../constructs/acknowledge.ts';

/** One thing a role may do. */
export interface Permission {
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
  /** Why the resources hold a `*`; without it a `*` among them fails the synthesis. */
  readonly wildcard?: string;
}

/** Gives a role these permissions, and records beside each `*` why it is there. */
export function grant(role: Role, permissions: readonly Permission[]): void {
  for (const permission of permissions) role.addToPrincipalPolicy(statementOf(permission));
  acknowledge(role, wildcardFindings(role, permissions));
}

export function statementOf({ sid, actions, resources, conditions }: Permission): PolicyStatement {
  return new PolicyStatement({
    sid,
    effect: Effect.ALLOW,
    actions: [...actions],
    resources: [...resources],
    ...(conditions === undefined ? {} : { conditions }),
  });
}

/** cdk-nag's id of each wildcard resource, with the reasons of the permissions that name it. */
export function wildcardFindings(
  scope: IConstruct,
  permissions: readonly Permission[],
): Record<string, string> {
  const reasons: Record<string, string> = {};
  for (const { resources, wildcard } of permissions) {
    if (wildcard === undefined) continue;
    for (const resource of resources) {
      const finding = wildcardFinding(scope, resource);
      reasons[finding] = finding in reasons ? `${reasons[finding]} ${wildcard}` : wildcard;
    }
  }
  return reasons;
}

/** cdk-nag's id for a resource with a `*`. */
export function wildcardFinding(scope: IConstruct, resource: string): string {
  return `AwsSolutions-IAM5[Resource::${flatten(Stack.of(scope).resolve(resource))}]`;
}

/** As cdk-nag names a resource: `{ Ref: 'X' }` is `<X>`, an attribute `<X.Arn>`, another stack's export its name. */
function flatten(node: unknown): string {
  if (typeof node === 'string') return node;
  if (typeof node !== 'object' || node === null) return '';
  if ('Ref' in node) return `<${String(node.Ref)}>`;
  if ('Fn::ImportValue' in node) return flatten(node['Fn::ImportValue']);
  if ('Fn::GetAtt' in node && Array.isArray(node['Fn::GetAtt'])) return `<${node['Fn::GetAtt'].join('.')}>`;
  if ('Fn::Join' in node && Array.isArray(node['Fn::Join'])) {
    const [delimiter, parts] = node['Fn::Join'] as [string, unknown[]];
    return parts.map(flatten).join(delimiter);
  }
  return JSON.stringify(node);
}
