import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { printResult } from '../render/result.ts';
import { volumeDetails } from '../render/volume.ts';

interface NameFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
}

export async function inspectVolume(context: Context, flags: NameFlags): Promise<void> {
  const params = { namespace: context.namespace, name: oneName(flags.positional, flags.name) };
  const volume = (await context.api.call('getVolume', { params })).body;
  printResult(context, volume, volumeDetails(volume, context.world.now()));
}
