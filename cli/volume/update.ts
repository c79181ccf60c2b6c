import { ProductError } from '#shared/model/errors.ts';
import { parsePairs } from '#shared/model/labels.ts';
import type { UpdateVolume, Volume } from '#shared/model/volume.ts';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import { cutOf, type CutFlags } from '../backup/cut-options.ts';
import type { Context } from '../context.ts';
import { printResult } from '../render/result.ts';

interface UpdateFlags extends CutFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly labels?: string | undefined;
  readonly labelAdd?: string | undefined;
  readonly labelRm?: string | undefined;
  readonly description?: string | undefined;
  readonly protect?: boolean | undefined;
}

export async function updateVolume(context: Context, flags: UpdateFlags): Promise<void> {
  const { api, namespace } = context;
  const params = { namespace, name: oneName(flags.positional, flags.name) };
  const edits = flags.labelAdd !== undefined || flags.labelRm !== undefined;
  const read = edits ? (await api.call('getVolume', { params })).body : undefined;
  const body = updateBody(flags, read);
  const headers = read === undefined ? {} : { 'if-match': `"${read.revision}"` };
  const volume = (await api.call('updateVolume', { params, body, headers })).body;
  printResult(context, volume, `Volume ${volume.name} is updated.`);
}

/** @throws ProductError InvalidInput when nothing is to change */
function updateBody(flags: UpdateFlags, read: Volume | undefined): UpdateVolume {
  const labels = flags.labels === undefined ? undefined : parsePairs(flags.labels, 'label');
  const backups = cutOf(flags);
  const body = {
    ...given('labels', read === undefined ? labels : editLabels(read.labels, flags)),
    ...given('description', flags.description),
    ...given('protected', flags.protect),
    ...given('backups', Object.keys(backups).length === 0 ? undefined : backups),
  };
  if (Object.keys(body).length > 0) return body;
  throw new ProductError('InvalidInput', 'Nothing to change is given.', {
    allowed:
      '--labels, --label-add, --label-rm, --description, --protect, --no-protect, --consistency, --pre-hook, --post-hook',
  });
}

function editLabels(
  labels: Volume['labels'],
  { labelAdd = '', labelRm = '' }: UpdateFlags,
): Volume['labels'] {
  const gone = new Set(labelRm.split(',').map((key) => key.trim()));
  const kept = Object.entries(labels).filter(([key]) => !gone.has(key));
  return { ...Object.fromEntries(kept), ...parsePairs(labelAdd, 'label') };
}
