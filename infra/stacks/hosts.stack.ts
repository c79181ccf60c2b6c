import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CfnOutput, Fn, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import { CfnLaunchTemplate } from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { CfnDocument } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { defaultNamespace } from '#shared/model/names.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { agentPackage, installFolder } from '../agent-package.ts';
import type { Config } from '../config.ts';
import { acknowledge } from '../constructs/acknowledge.ts';
import { instanceProfileName } from '../constructs/host-identity.ts';
import { statementOf, wildcardFindings } from '../permissions/permission.ts';
import type { Permission } from '../permissions/permission.ts';
import type { ControlPlaneStack } from './control-plane.stack.ts';
import type { StorageStack } from './storage.stack.ts';

export interface HostsStackProps extends StackProps {
  readonly config: Config;
  readonly storage: StorageStack;
  readonly controlPlane: ControlPlaneStack;
}

/** Of the document and of the launch template: what a deployer types. */
const documentName = 'HivemindInstallAgent';
const launchTemplateName = 'HivemindHost';

/**
 * How the agent gets onto EC2 instances: its package, a Systems Manager document for instances that run, and a launch
 * template for those to come. Apart from the control plane, since a host may be set up in any other way.
 */
export class HostsStack extends Stack {
  constructor(scope: Construct, id: string, { config, storage, controlPlane, ...props }: HostsStackProps) {
    super(scope, id, { description: 'Hivemind Volumes: the agent for EC2 hosts', ...props });
    const asset = new Asset(this, 'AgentPackage', {
      path: installFolder,
      ...agentPackage(config.hostArchitectures),
    });
    this.allowInstall(asset, controlPlane);
    const script = this.script(asset, controlPlane.api.endpoint);
    new CfnDocument(this, 'InstallAgent', {
      name: documentName,
      documentType: 'Command',
      documentFormat: 'JSON',
      targetType: '/AWS::EC2::Instance',
      updateMethod: 'NewVersion',
      content: installDocument(script),
    });
    this.launchTemplate(script, storage.files.clientSecurityGroupId);
    new CfnOutput(this, 'InstallCommand', {
      value: `aws ssm send-command --document-name ${documentName} --targets Key=InstanceIds,Values=`,
    });
    new CfnOutput(this, 'AgentPackageUrl', { value: asset.httpUrl });
  }

  /** Reads this one package, and speaks to Systems Manager; AWS's own policy for it could read every parameter too. */
  private allowInstall(asset: Asset, controlPlane: ControlPlaneStack): void {
    const permissions: Permission[] = [
      {
        sid: 'Package',
        actions: ['s3:GetObject'],
        resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
      },
      {
        sid: 'SystemsManager',
        actions: [
          'ssm:UpdateInstanceInformation',
          'ssmmessages:CreateControlChannel',
          'ssmmessages:CreateDataChannel',
          'ssmmessages:OpenControlChannel',
          'ssmmessages:OpenDataChannel',
          'ec2messages:AcknowledgeMessage',
          'ec2messages:DeleteMessage',
          'ec2messages:FailMessage',
          'ec2messages:GetEndpoint',
          'ec2messages:GetMessages',
          'ec2messages:SendReply',
        ],
        resources: ['*'],
        wildcard: 'Systems Manager knows no resources for the calls of its agent.',
      },
    ];
    const policy = new ManagedPolicy(this, 'HostInstall', {
      description: 'Hivemind Volumes: a host may fetch the agent and be reached by Systems Manager',
      roles: [controlPlane.hosts.role],
      statements: permissions.map(statementOf),
    });
    acknowledge(policy, wildcardFindings(this, permissions));
  }

  /** agent/install/fetch.sh with its three variables in front. */
  private script(asset: Asset, endpoint: string): string {
    const [shebang, ...rest] = readFileSync(join(installFolder, 'fetch.sh'), 'utf8').split('\n');
    const variables = [`PACKAGE_URL=${asset.httpUrl}`, `API_ENDPOINT=${endpoint}`, `REGION=${this.region}`];
    return [shebang, ...variables, ...rest].join('\n');
  }

  private launchTemplate(script: string, securityGroupId: string): void {
    const tags = [
      { key: tagKeys.product, value: productTagValue },
      { key: tagKeys.hostNamespace, value: defaultNamespace },
      { key: 'Name', value: 'hivemind-host' },
    ];
    new CfnLaunchTemplate(this, 'Host', {
      launchTemplateName,
      tagSpecifications: [
        { resourceType: 'launch-template', tags: [{ key: tagKeys.product, value: productTagValue }] },
      ],
      versionDescription: 'Instance profile, IMDSv2 with hop limit 1, and the agent at first boot',
      launchTemplateData: {
        iamInstanceProfile: { name: instanceProfileName },
        securityGroupIds: [securityGroupId],
        // The agent refuses to start otherwise: any container could be the host.
        metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
        monitoring: { enabled: false },
        tagSpecifications: [{ resourceType: 'instance', tags }],
        userData: Fn.base64(script),
      },
    });
  }
}

function installDocument(script: string): object {
  return {
    schemaVersion: '2.2',
    description:
      'Installs the Hivemind Volumes agent, or upgrades it. Safe to repeat; containers keep running.',
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: 'install',
        precondition: { StringEquals: ['platformType', 'Linux'] },
        inputs: { timeoutSeconds: '900', runCommand: [script] },
      },
    ],
  };
}
