import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { WorkerName } from '#shared/model/operation.ts';

/** Starts the work of an operation. */
export interface Workflow {
  /** Starts the execution named by the operation's id; one that was started before is success. */
  start(operation: { readonly id: string; readonly driver: WorkerName }): Promise<void>;
}

/** The state machine VolumeOperation in Step Functions. */
export class StepFunctionsWorkflow implements Workflow {
  readonly #machine: string;
  readonly #client: SFNClient;

  constructor(stateMachineArn: string, client: SFNClient = sfnClient()) {
    this.#machine = stateMachineArn;
    this.#client = client;
  }

  async start({ id, driver }: { id: string; driver: WorkerName }): Promise<void> {
    const command = new StartExecutionCommand({
      stateMachineArn: this.#machine,
      name: id,
      input: JSON.stringify({ operationId: id, driver }),
    });
    try {
      await this.#client.send(command);
    } catch (error) {
      // The name is the operation's id, so an execution of that name is this one. (AWS answers 200 while it runs.)
      if (error instanceof Error && error.name === 'ExecutionAlreadyExists') return;
      throw error;
    }
  }
}

function sfnClient(): SFNClient {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  return new SFNClient({ maxAttempts: 3, requestHandler });
}
