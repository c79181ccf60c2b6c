import { isProductError } from '#shared/model/errors.ts';
import type { Operation } from '#shared/model/operation.ts';
import type { Volume } from '#shared/model/volume.ts';
import { isOperation } from '../api/volume-answer.ts';
import type { Context } from '../context.ts';
import { follow } from '../operation/follow.ts';
import type { WaitFlags } from '../operation/options.ts';
import { printResult } from '../render/result.ts';

interface Settling {
  readonly flags: WaitFlags;
  readonly sentence: (volume: Volume) => string;
  /** What to say when the volume is not there any more at the end. */
  readonly gone?: string;
}

/**
 * Brings the answer of a change to its end: waits for the operation unless told not to, then prints the volume
 * with the sentence, or the operation that goes on.
 */
export async function settle(
  context: Context,
  answer: Volume | Operation,
  { flags, sentence, gone }: Settling,
): Promise<void> {
  if (!isOperation(answer)) return printResult(context, answer, sentence(answer));
  if (flags.wait === false) {
    const next = `Wait for it with: hivemind operation wait ${answer.id}`;
    return printResult(context, answer, `Begun: ${answer.kind} ${answer.volume}. ${next}`);
  }
  const operation = await follow(context, answer, flags.timeout);
  const volume = await readBack(context, operation);
  if (volume !== undefined) return printResult(context, volume, sentence(volume));
  printResult(context, operation, gone ?? `Volume ${operation.volume}: ${operation.kind} is done.`);
}

/** The volume as it is now; after a delete its name is free or another's. */
async function readBack(context: Context, operation: Operation): Promise<Volume | undefined> {
  const { api, namespace } = context;
  try {
    const volume = (await api.call('getVolume', { params: { namespace, name: operation.volume } })).body;
    return volume.id === operation.volumeId ? volume : undefined;
  } catch (error) {
    if (isProductError(error, 'VolumeNotFound')) return undefined;
    throw error;
  }
}
