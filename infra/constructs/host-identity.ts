import { InstanceProfile, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { mountFiles } from '../permissions/efs.ts';
import { grant } from '../permissions/permission.ts';
import type { SharedFiles } from './shared-files.ts';
import type { VolumesHttpApi } from './http-api.ts';

/** What a deployer names when an instance is launched. */
export const instanceProfileName = 'HivemindHost';

/**
 * The one role of all hosts. EC2 alone may assume it, and names the session after the instance: that is what makes
 * `<role id>:<instance id>` a proof of which host calls. A second trusted principal would be able to be any host.
 */
export class HostIdentity extends Construct {
  readonly role: Role;
  readonly instanceProfile: InstanceProfile;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      description: 'Hivemind Volumes: a host with an agent',
    });
    this.instanceProfile = new InstanceProfile(this, 'InstanceProfile', {
      instanceProfileName,
      role: this.role,
    });
  }

  /** Hosts' own routes and access points; its queue lets each host in by a policy of the queue. */
  allow(api: VolumesHttpApi, files: SharedFiles): void {
    grant(this.role, [
      {
        sid: 'HostRoutes',
        actions: ['execute-api:Invoke'],
        resources: [api.arnOf('/v1/host/*')],
        wildcard:
          'Hosts may call all of their routes, by any method; each function call is for the calling host alone.',
      },
      mountFiles(this, files),
    ]);
  }
}
