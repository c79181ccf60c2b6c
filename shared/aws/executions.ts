import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { WorkerName } from '#shared/model/operation.ts';

/** Executions of the state machine that works on operations, by name. */
export interface Executions {
  /** `missing`: there never was one of that name. */
  state(name: string): Promise<'running' | 'ended' | 'missing'>;
  /** Starts one; a name that was used before is success. */
  start(name: string, operation: { readonly id: string; readonly driver: WorkerName }): Promise<void>;
}

/** Executions by Step Functions. */
export class StepFunctionsExecutions implements Executions {
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

  async start(name: string, { id, driver }: { id: string; driver: WorkerName }): Promise<void> {
    const input = JSON.stringify({ operationId: id, driver });
    try {
      await this.#client.send(new StartExecutionCommand({ stateMachineArn: this.#machine, name, input }));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'ExecutionAlreadyExists')) throw error;
    }
  }
}
