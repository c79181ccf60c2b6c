import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { printResult } from '../render/result.ts';
import { follow } from './follow.ts';

interface WaitForFlags {
  readonly positional?: string | undefined;
  readonly id?: string | undefined;
  readonly timeout?: string | undefined;
}

export async function waitForOperation(context: Context, flags: WaitForFlags): Promise<void> {
  const id = oneName(flags.positional, flags.id, 'id');
  const params = { namespace: context.namespace, operation: id };
  const begun = (await context.api.call('getOperation', { params })).body;
  const operation = await follow(context, begun, flags.timeout);
  printResult(
    context,
    operation,
    `Operation ${operation.id} (${operation.kind} ${operation.volume}) is done.`,
  );
}
