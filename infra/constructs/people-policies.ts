import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { statementOf, wildcardFindings } from '../permissions/permission.ts';
import type { Permission } from '../permissions/permission.ts';
import { acknowledge } from './acknowledge.ts';
import type { VolumesHttpApi } from './http-api.ts';

/** Paths for people and pipelines: everything but hosts' routes. */
const paths = ['/v1/namespaces/*', '/v1/identity', '/api/*'];

export interface PeoplePoliciesProps {
  readonly api: VolumesHttpApi;
}

/** Policies to attach to users, groups and roles; without one of them nobody gets past API Gateway. */
export class PeoplePolicies extends Construct {
  readonly admin: ManagedPolicy;
  readonly readOnly: ManagedPolicy;

  constructor(scope: Construct, id: string, { api }: PeoplePoliciesProps) {
    super(scope, id);
    this.admin = this.policy('HivemindAdmin', {
      description: 'Hivemind Volumes: every call that people and pipelines make',
      permission: invoke(api, HttpMethod.ANY),
    });
    this.readOnly = this.policy('HivemindReadOnly', {
      description: 'Hivemind Volumes: list and read',
      permission: invoke(api, HttpMethod.GET),
    });
  }

  private policy(name: string, { description, permission }: { description: string; permission: Permission }) {
    const policy = new ManagedPolicy(this, name.replace('Hivemind', ''), {
      managedPolicyName: name,
      description,
      statements: [statementOf(permission)],
    });
    acknowledge(policy, wildcardFindings(this, [permission]));
    return policy;
  }
}

function invoke(api: VolumesHttpApi, method: HttpMethod): Permission {
  return {
    sid: 'Invoke',
    actions: ['execute-api:Invoke'],
    resources: paths.map((path) => api.arnOf(path, method)),
    wildcard: 'Namespaces and volumes are parts of the path; narrower policies are the deployer’s to write.',
  };
}
