import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { WorkerName } from '#shared/model/operation.ts';

/** Executions of a state machine, by name. */
export interface ExecutionsOf<Work> {
  /** `missing`: there never was one of that name. */
  state(name: string): Promise<'running' | 'ended' | 'missing'>;
  /** Starts one; a name that was used before is success. */
  start(name: string, work: Work): Promise<void>;
}

/** Of the state machine that works on operations. */
export type Executions = ExecutionsOf<{ readonly id: string; readonly driver: WorkerName }>;
/** Of the state machine that carries out runs of policies. */
export type RunExecutions = ExecutionsOf<{ readonly id: string }>;

/** Executions by Step Functions. */
class NamedExecutions {
  readonly #machine: string;
  readonly #client: SFNClient;

  constructor(stateMachineArn: string, client: SFNClient = new SFNClient({ maxAttempts: 5 })) {
    this.#machine = stateMachineArn;
    this.#client = client;
  }

  async state(name: string): Promise<'running' | 'ended' | 'missing'> {
    const executionArn = `${this.#machine.replace(':stateMachine:', ':execution:')}:${name}`;
    try {
      const { status } = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' || status === 'PENDING_REDRIVE' ? 'running' : 'ended';
    } catch (error) {
      if (error instanceof Error && error.name === 'ExecutionDoesNotExist') return 'missing';
      throw error;
    }
  }

  protected async begin(name: string, work: object): Promise<void> {
    const input = JSON.stringify(work);
    try {
      await this.#client.send(new StartExecutionCommand({ stateMachineArn: this.#machine, name, input }));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'ExecutionAlreadyExists')) throw error;
    }
  }
}

export class StepFunctionsExecutions extends NamedExecutions implements Executions {
  async start(name: string, { id, driver }: { id: string; driver: WorkerName }): Promise<void> {
    await this.begin(name, { operationId: id, driver });
  }
}

export class StepFunctionsRuns extends NamedExecutions implements RunExecutions {
  async start(name: string, { id }: { id: string }): Promise<void> {
    await this.begin(name, { runId: id });
  }
}
