import { ulid } from 'ulid';
import type { Instances } from '#shared/aws/ec2/instances.ts';
import { QueueWaker } from '#shared/aws/queue.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { StepFunctionsWorkflow } from '#shared/aws/workflow.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import type { Ports } from './ports.ts';

interface Wiring {
  readonly TABLE_NAME: string;
  readonly STATE_MACHINE_ARN: string;
  readonly UNDO_WINDOW_HOURS: number;
  /** Of the functions that copy backups. */
  readonly COPY_REGIONS?: readonly string[];
  readonly COPY_VAULTS?: Readonly<Record<string, string>>;
}

/** The ports of the API's functions over AWS. */
export function wirePorts(environment: Wiring): Ports {
  const region = process.env['AWS_REGION'] ?? 'us-east-1';
  const table = openTable(environment.TABLE_NAME);
  return {
    table,
    workflow: new StepFunctionsWorkflow(environment.STATE_MACHINE_ARN),
    waker: new QueueWaker(table, logger),
    instances: lazyInstances(),
    log: logger,
    clock: () => new Date(),
    newId: ulid,
    settings: {
      undoWindowHours: environment.UNDO_WINDOW_HOURS,
      region,
      copyRegions: (environment.COPY_REGIONS ?? []).filter((other) => other !== region),
      vaultRegions: Object.keys(environment.COPY_VAULTS ?? {}).filter((other) => other !== region),
    },
  };
}

/** EC2's client is large and few calls need it: loaded by the first that does, which keeps cold starts short. */
function lazyInstances(): Instances {
  let loaded: Promise<Instances> | undefined;
  const load = async (): Promise<Instances> => {
    const { Ec2Instances } = await import('#shared/aws/ec2/ec2-instances.ts');
    return new Ec2Instances();
  };
  const instances = (): Promise<Instances> => (loaded ??= load());
  return {
    find: async (ids) => (await instances()).find(ids),
    slots: async (instance) => (await instances()).slots(instance),
  };
}
