import { randomUUID } from 'node:crypto';
import { parsePairs } from '#shared/model/labels.ts';
import { parseOwner } from '#shared/model/owner.ts';
import type { CreateVolumeInput, Volume } from '#shared/model/volume.ts';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { settle } from './settle.ts';

export interface CreateFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly size?: string | undefined;
  readonly type?: string | undefined;
  readonly driver?: string | undefined;
  readonly labels?: string | undefined;
  readonly options?: string | undefined;
  readonly mountOptions?: string | undefined;
  readonly filesystem?: string | undefined;
  readonly owner?: string | undefined;
  readonly mode?: string | undefined;
  readonly readOnly?: true | undefined;
  readonly encrypted?: boolean | undefined;
  readonly zone?: string | undefined;
  readonly description?: string | undefined;
  readonly protect?: true | undefined;
}

export async function createVolume(context: Context, flags: CreateFlags): Promise<void> {
  const { api, namespace } = context;
  const body = createBody(flags);
  const headers = { 'idempotency-key': randomUUID() };
  const answer = await api.call('createVolume', { params: { namespace }, body, headers });
  const what = answer.status === 200 ? 'exists already, with these parameters' : 'is created';
  const sentence = (volume: Volume): string => `Volume ${volume.name} ${what}${describe(volume)}.`;
  await settle(context, answer.body, { flags, sentence });
}

/** The flags as the API's body: only what was given, so that the API's defaults hold. */
export function createBody(flags: CreateFlags): CreateVolumeInput {
  const owner = {
    ...(flags.owner === undefined ? {} : parseOwner(flags.owner)),
    ...given('mode', flags.mode),
  };
  const options = {
    ...(flags.options === undefined ? {} : parsePairs(flags.options, 'option')),
    ...given('mountOptions', flags.mountOptions),
  };
  return {
    name: oneName(flags.positional, flags.name),
    ...given('size', flags.size),
    ...given('type', flags.type),
    ...given('driver', flags.driver),
    ...given('labels', flags.labels === undefined ? undefined : parsePairs(flags.labels, 'label')),
    ...given('options', Object.keys(options).length === 0 ? undefined : options),
    ...given('filesystem', flags.filesystem),
    ...given('owner', Object.keys(owner).length === 0 ? undefined : owner),
    ...given('readOnly', flags.readOnly),
    ...given('encrypted', flags.encrypted),
    ...given('availabilityZone', flags.zone),
    ...given('description', flags.description),
    ...given('protected', flags.protect),
  };
}

function describe({ type, driver, size, state }: Volume): string {
  return `: ${[`${type} (${driver})`, size ?? '', state].filter((part) => part !== '').join(', ')}`;
}
