import { Duration } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { passTransfers, removeTransfers } from '../permissions/archive.ts';
import { describe, makeSnapshots } from '../permissions/ec2.ts';
import { startOperations } from '../permissions/operations.ts';
import { hostQueuePrefix, makeHostQueues, sendToHosts } from '../permissions/queues.ts';
import { onTable } from '../permissions/table.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import { ProductFunction } from './product-function.ts';

export interface ApiFunctionsProps {
  readonly config: Config;
  readonly storage: StorageStack;
  readonly stateMachine: IStateMachine;
  readonly hostRole: Role;
}

/** Under the 30 s after which API Gateway stops waiting. */
const timeout = Duration.seconds(28);

/** The functions behind the API: they decide and record; AWS is changed by the workers. */
export class ApiFunctions extends Construct {
  readonly volumes: ProductFunction<'volumes-api'>;
  readonly backups: ProductFunction<'backups-api'>;
  readonly hosts: ProductFunction<'hosts-api'>;

  constructor(scope: Construct, id: string, { config, storage, stateMachine, hostRole }: ApiFunctionsProps) {
    super(scope, id);
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
      environment: { ...environment, ...archives },
      permissions: [...common, ...passTransfers(storage), removeTransfers(storage)],
      timeout,
    });
    this.hosts = new ProductFunction(this, 'HostsApi', {
      name: 'hosts-api',
      environment: {
        ...environment,
        ...archives,
        HOST_ROLE_ID: hostRole.roleId,
        POLL_SECONDS: String(config.pollSeconds),
      },
      permissions: [
        ...common,
        makeHostQueues(this),
        describe('DescribeInstances', 'DescribeInstanceTypes', 'DescribeSnapshots'),
        ...makeSnapshots(this),
        ...passTransfers(storage),
      ],
      timeout,
    });
  }
}
