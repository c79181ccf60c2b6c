import { Duration } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { onManifests, passTransfers, removeTransfers } from '../permissions/archive.ts';
import { describe, makeSnapshots } from '../permissions/ec2.ts';
import { startOperations } from '../permissions/operations.ts';
import { keepPolicies, startRuns } from '../permissions/policies.ts';
import { hostQueuePrefix, makeHostQueues, sendToHosts } from '../permissions/queues.ts';
import { grantRepositories } from '../permissions/repositories.ts';
import { onTable } from '../permissions/table.ts';
import type { Permission } from '../permissions/permission.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import type { BackupPolicies } from './backup-policies.ts';
import { ProductFunction } from './product-function.ts';
import { RepositoryRoles } from './repository-roles.ts';

export interface ApiFunctionsProps {
  readonly config: Config;
  readonly storage: StorageStack;
  readonly stateMachine: IStateMachine;
  readonly hostRole: Role;
  readonly policies: BackupPolicies;
}

/** Under the 30 s after which API Gateway stops waiting. */
const timeout = Duration.seconds(28);

/** The functions behind the API: they decide and record; AWS is changed by the workers. */
export class ApiFunctions extends Construct {
  readonly volumes: ProductFunction<'volumes-api'>;
  readonly backups: ProductFunction<'backups-api'>;
  readonly hosts: ProductFunction<'hosts-api'>;

  constructor(scope: Construct, id: string, props: ApiFunctionsProps) {
    super(scope, id);
    const { config, storage, stateMachine, policies } = props;
    const environment = {
      TABLE_NAME: storage.table.tableName,
      STATE_MACHINE_ARN: stateMachine.stateMachineArn,
      QUEUE_PREFIX: hostQueuePrefix,
      UNDO_WINDOW_HOURS: String(config.undoWindowHours),
      FILE_SYSTEM_ID: storage.files.fileSystemId,
    };
    const archives = { ARCHIVE_BUCKET_NAME: storage.archive.bucketName };
    const common = [...onTable(storage), startOperations(this), sendToHosts(this)];
    this.volumes = new ProductFunction(this, 'VolumesApi', {
      name: 'volumes-api',
      environment,
      permissions: [...common, describe('DescribeInstances')],
      timeout,
    });
    this.backups = new ProductFunction(this, 'BackupsApi', {
      name: 'backups-api',
      environment: {
        ...environment,
        ...policies.keeperEnvironment,
        ...archives,
        COPY_REGIONS: JSON.stringify(Object.keys(config.copyKeys)),
        COPY_VAULTS: JSON.stringify(config.copyVaults),
        RUN_MACHINE_ARN: policies.machine.stateMachine.stateMachineArn,
      },
      permissions: [
        ...common,
        describe('DescribeInstances'),
        startRuns(this),
        ...keepPolicies(this, policies.scheduleRole),
        ...passTransfers(storage),
        removeTransfers(storage),
      ],
      timeout,
    });
    this.hosts = hostsApi(this, props, { environment: { ...environment, ...archives }, common });
  }
}

interface Shared {
  readonly environment: Readonly<
    Record<
      | 'TABLE_NAME'
      | 'STATE_MACHINE_ARN'
      | 'QUEUE_PREFIX'
      | 'UNDO_WINDOW_HOURS'
      | 'FILE_SYSTEM_ID'
      | 'ARCHIVE_BUCKET_NAME',
      string
    >
  >;
  readonly common: readonly Permission[];
}

function hostsApi(scope: ApiFunctions, props: ApiFunctionsProps, { environment, common }: Shared) {
  const { config, storage, hostRole } = props;
  const granter = (): string => scope.hosts.role?.roleArn ?? '';
  const roles = new RepositoryRoles(scope, 'Repositories', { storage, granter });
  return new ProductFunction(scope, 'HostsApi', {
    name: 'hosts-api',
    environment: {
      ...environment,
      HOST_ROLE_ID: hostRole.roleId,
      POLL_SECONDS: String(config.pollSeconds),
      ...repositoryEnvironment(storage, roles),
    },
    permissions: [
      ...common,
      ...ofHosts(scope, storage),
      onManifests(storage),
      ...grantRepositories(scope, storage, roles.arns),
    ],
    timeout,
  });
}

function repositoryEnvironment({ dataKey }: StorageStack, { host, keeper }: RepositoryRoles) {
  return {
    DATA_KEY_ARN: dataKey.keyArn,
    REPOSITORY_ROLE_ARN: host.roleArn,
    REPOSITORY_KEEPER_ROLE_ARN: keeper.roleArn,
  };
}

/** What the API of hosts may beside: their queues, their cuts, their archives. */
function ofHosts(scope: Construct, storage: StorageStack): Permission[] {
  return [
    makeHostQueues(scope),
    describe('DescribeInstances', 'DescribeInstanceTypes', 'DescribeSnapshots'),
    ...makeSnapshots(scope),
    ...passTransfers(storage),
  ];
}
