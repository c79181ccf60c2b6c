import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { expect } from 'vitest';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { clientConfig } from '#local/cloud/deploy.ts';
import { until } from '#test/support/until.ts';

/** How an execution ended: its status, and the error and every failure of a task on the way. */
export interface Ended {
  readonly status: string | undefined;
  readonly error: string | undefined;
  readonly failures: readonly string[];
}

/** Executions of the deployed state machines. */
export class TestExecutions {
  readonly #cloud: CloudFile;
  readonly #client: SFNClient;

  constructor(cloud: CloudFile) {
    this.#cloud = cloud;
    this.#client = new SFNClient(clientConfig(cloud));
  }

  /** Waits for the end of the execution of that name. */
  async ended(machine: string, name: string, within = 120_000): Promise<Ended> {
    const executionArn = await this.#executionOf(machine, name);
    const { status, error } = await until(
      `${name} has ended`,
      async () => {
        const found = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
        return found.status === 'RUNNING' ? undefined : found;
      },
      { within, every: 500 },
    );
    return { status, error, failures: await this.#failuresOf(executionArn) };
  }

  /** Waits until a task of the execution of that name, which still runs, has failed. */
  async failed(machine: string, name: string): Promise<void> {
    const executionArn = await this.#executionOf(machine, name);
    const failure = async (): Promise<boolean> => (await this.#failuresOf(executionArn)).length > 0;
    await until(`a task of ${name} has failed`, failure, { within: 60_000, every: 200 });
  }

  /** Waits until an execution that went on with the work of that name has succeeded. */
  async wentOn(machine: string, name: string): Promise<void> {
    const stateMachineArn = await this.#arnOf(machine);
    await until(
      `${name} went on`,
      async () => {
        const done = new ListExecutionsCommand({
          stateMachineArn,
          statusFilter: 'SUCCEEDED',
          maxResults: 1000,
        });
        const { executions = [] } = await this.#client.send(done);
        return executions.some((one) => one.name?.startsWith(`${name}-r`));
      },
      { within: 60_000, every: 500 },
    );
  }

  async #failuresOf(executionArn: string): Promise<string[]> {
    const history = new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 });
    const { events = [] } = await this.#client.send(history);
    return events.flatMap(({ taskFailedEventDetails: failed }) => failed?.error ?? []);
  }

  /** Ends the execution of that name, wherever it is. */
  async stop(machine: string, name: string): Promise<void> {
    const executionArn = await this.#executionOf(machine, name);
    await this.#client.send(new StopExecutionCommand({ executionArn, cause: 'a test' }));
    expect((await this.ended(machine, name)).status).toBe('ABORTED');
  }

  async #executionOf(machine: string, name: string): Promise<string> {
    return `${(await this.#arnOf(machine)).replace(':stateMachine:', ':execution:')}:${name}`;
  }

  async #arnOf(machine: string): Promise<string> {
    const { stateMachines = [] } = await this.#client.send(new ListStateMachinesCommand({}));
    expect(stateMachines.map(({ name }) => name)).toContain(machine);
    return stateMachines.find(({ name }) => name === machine)?.stateMachineArn ?? '';
  }

  /** While the work goes on no state waits, nor does a repeat: what takes minutes takes a moment. */
  async hurrying<T>(work: () => Promise<T>): Promise<T> {
    await this.#scaleWaits(0);
    try {
      return await work();
    } finally {
      await this.#scaleWaits(1);
    }
  }

  async #scaleWaits(scale: number): Promise<void> {
    const body = JSON.stringify({ 'stepfunctions._SFN_WAIT_SCALE': scale });
    const url = `http://127.0.0.1:${this.#cloud.ports.emulator}/_ministack/config`;
    expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
  }
}
