import { CfnResource, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { ConfigurationError } from '../errors.ts';

type Reasons = Readonly<Record<string, string>>;

/** Accepts findings of cdk-nag on one construct: finding id (with its `[…]` part) to the reason why it is right here. */
export function acknowledge(construct: IConstruct, findings: Reasons): void {
  for (const [id, reason] of Object.entries(findings)) Validations.of(construct).acknowledge({ id, reason });
}

/** The same for cfn-lint, which reads it from the resource's metadata; the reasons stay beside it in the template. */
export function acknowledgeLint(construct: IConstruct, findings: Reasons): void {
  const resource = construct.node.defaultChild;
  if (!CfnResource.isCfnResource(resource))
    throw new ConfigurationError(`${construct.node.path} has no resource of its own to note findings on.`);
  resource.addMetadata('cfn-lint', { config: { ignore_checks: Object.keys(findings) }, reasons: findings });
}
