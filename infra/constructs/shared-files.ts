import { RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { CfnSecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnFileSystem, CfnMountTarget } from 'aws-cdk-lib/aws-efs';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Config } from '../config.ts';

export interface SharedFilesProps {
  readonly config: Config;
  readonly key: IKey;
}

interface Network {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
}

const nfsPort = 2049;

/** The file system that all network volumes share, an access point each, with a mount target in every given subnet. */
export class SharedFiles extends Construct {
  readonly fileSystemId: string;
  readonly fileSystemArn: string;
  readonly vpcId: string;
  /** Hosts carry this group; the mount targets let in nobody else. */
  readonly clientSecurityGroupId: string;

  constructor(scope: Construct, id: string, { config, key }: SharedFilesProps) {
    super(scope, id);
    const network = this.network(config);
    const fileSystem = new CfnFileSystem(this, 'FileSystem', {
      encrypted: true,
      kmsKeyId: key.keyArn,
      performanceMode: 'generalPurpose',
      throughputMode: 'elastic',
      backupPolicy: { status: 'ENABLED' },
      lifecyclePolicies: [
        { transitionToIa: 'AFTER_30_DAYS' },
        { transitionToPrimaryStorageClass: 'AFTER_1_ACCESS' },
      ],
      fileSystemPolicy: tlsOnly().toJSON(),
    });
    fileSystem.applyRemovalPolicy(RemovalPolicy.RETAIN);
    Tags.of(fileSystem).add('Name', 'hivemind-volumes');
    const groups = this.securityGroups(network.vpcId);
    network.subnetIds.forEach((subnetId, index) => {
      new CfnMountTarget(this, `MountTarget${index + 1}`, {
        fileSystemId: fileSystem.ref,
        subnetId,
        securityGroups: [groups.server.attrGroupId],
      });
    });
    this.fileSystemId = fileSystem.ref;
    this.fileSystemArn = fileSystem.attrArn;
    this.vpcId = network.vpcId;
    this.clientSecurityGroupId = groups.client.attrGroupId;
  }

  private network(config: Config): Network {
    if (config.vpcId !== undefined && config.subnetIds !== undefined)
      return { vpcId: config.vpcId, subnetIds: config.subnetIds };
    const vpc = new Vpc(this, 'Vpc', {
      natGateways: 0,
      maxAzs: 2,
      // Hosts in the public subnets reach the API without a NAT gateway; mount targets need no way out.
      subnetConfiguration: [
        { name: 'Hosts', subnetType: SubnetType.PUBLIC, cidrMask: 20 },
        { name: 'Files', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 26 },
      ],
      // Its custom resource is a function of its own; nothing of ours is in the default group.
      restrictDefaultSecurityGroup: false,
    });
    acknowledge(vpc, {
      'AwsSolutions-VPC7':
        'Flow logs cost by traffic; who wants them adds them, or brings a VPC that has them.',
    });
    return { vpcId: vpc.vpcId, subnetIds: vpc.isolatedSubnets.map((subnet) => subnet.subnetId) };
  }

  /** Rules are inline: a rule of its own would be one more resource that can be removed unseen. */
  private securityGroups(vpcId: string) {
    const client = new CfnSecurityGroup(this, 'ClientGroup', {
      groupDescription: 'Hivemind hosts: may reach the shared file system',
      vpcId,
      securityGroupEgress: [{ ipProtocol: '-1', cidrIp: '0.0.0.0/0', description: 'API, queues and files' }],
    });
    const server = new CfnSecurityGroup(this, 'MountTargetGroup', {
      groupDescription: 'Hivemind mount targets: NFS from hosts only',
      vpcId,
      securityGroupIngress: [
        {
          ipProtocol: 'tcp',
          fromPort: nfsPort,
          toPort: nfsPort,
          sourceSecurityGroupId: client.attrGroupId,
          description: 'NFS from Hivemind hosts',
        },
      ],
    });
    return { client, server };
  }
}

/** With a policy that allows nobody, only identities with rights of their own mount; without TLS nobody does. */
function tlsOnly(): PolicyDocument {
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        sid: 'TlsOnly',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: [
          'elasticfilesystem:ClientMount',
          'elasticfilesystem:ClientWrite',
          'elasticfilesystem:ClientRootAccess',
        ],
        conditions: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ],
  });
}

/** ARN pattern of every access point of this account and region. */
export function accessPointArns(scope: Construct): string {
  return Stack.of(scope).formatArn({
    service: 'elasticfilesystem',
    resource: 'access-point',
    resourceName: '*',
  });
}
