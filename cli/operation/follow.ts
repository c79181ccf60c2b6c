import { isErrorCode, ProductError } from '#shared/model/errors.ts';
import { isFinished, type Operation } from '#shared/model/operation.ts';
import { parseDuration } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { Progress } from '../terminal/terminal.ts';

const defaultTimeout = '15m';
const firstPause = 250;
const longestPause = 2000;

/**
 * Shows an operation's progress until it is done.
 * @throws ProductError the operation's own failure, or TimedOut; the operation itself goes on then.
 */
export async function follow(
  context: Context,
  begun: Operation,
  timeout: string = defaultTimeout,
): Promise<Operation> {
  const deadline = context.world.now() + parseDuration(timeout);
  const progress = context.world.terminal.progress(titleOf(begun));
  try {
    const operation = await poll(context, begun, { deadline, timeout, progress });
    if (operation.status === 'failed') throw failureOf(operation);
    progress.done(`${titleOf(operation)}: done`);
    return operation;
  } catch (error) {
    progress.failed(`${titleOf(begun)}: not done`);
    throw error;
  }
}

/** Whether an operation has come to its end, good or bad; false where that cannot be asked. */
export async function isOver({ api, namespace }: Context, operation: string): Promise<boolean> {
  try {
    const { body } = await api.call('getOperation', { params: { namespace, operation } });
    return isFinished(body.status);
  } catch {
    return false;
  }
}

interface Following {
  readonly deadline: number;
  readonly timeout: string;
  readonly progress: Progress;
}

async function poll(context: Context, begun: Operation, following: Following): Promise<Operation> {
  const { api, namespace, world } = context;
  const params = { namespace, operation: begun.id };
  let operation = begun;
  for (let pause = firstPause; !isFinished(operation.status); pause = Math.min(pause * 1.5, longestPause)) {
    following.progress.report(operation.progress, operation.message);
    if (world.now() >= following.deadline) throw timedOut(operation, following.timeout);
    await world.sleep(Math.min(pause, Math.max(0, following.deadline - world.now())));
    operation = (await api.call('getOperation', { params })).body;
  }
  return operation;
}

function titleOf({ kind, volume, host }: Operation): string {
  return `${kind} ${volume}${host === undefined ? '' : ` (${host})`}`;
}

function timedOut(operation: Operation, timeout: string): ProductError {
  return new ProductError('TimedOut', `${titleOf(operation)} is not done after ${timeout}.`, {
    hint: `It goes on. Wait again with: hivemind operation wait ${operation.id}`,
    about: { operation: operation.id, volume: operation.volume },
  });
}

function failureOf(operation: Operation): ProductError {
  const { code, detail, hint } = operation.error ?? {
    code: 'Internal',
    detail: `${titleOf(operation)} failed.`,
  };
  return new ProductError(isErrorCode(code) ? code : 'Internal', detail, {
    ...(hint === undefined ? {} : { hint }),
    about: { operation: operation.id, volume: operation.volume },
  });
}
