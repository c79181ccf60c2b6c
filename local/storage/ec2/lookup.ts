import type { Call } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Instance, Snapshot, Volume } from '../state/entities.ts';
import type { View } from '../state/store.ts';

interface Kind {
  readonly prefix: string;
  readonly parameter: string;
  readonly malformed: string;
  readonly notFound: string;
  readonly noun: string;
}

const kinds = {
  volumes: {
    prefix: 'vol',
    parameter: 'volumeId',
    malformed: 'InvalidVolumeID.Malformed',
    notFound: 'InvalidVolume.NotFound',
    noun: 'volume',
  },
  snapshots: {
    prefix: 'snap',
    parameter: 'snapshotId',
    malformed: 'InvalidSnapshotID.Malformed',
    notFound: 'InvalidSnapshot.NotFound',
    noun: 'snapshot',
  },
  instances: {
    prefix: 'i',
    parameter: 'instanceId',
    malformed: 'InvalidInstanceID.Malformed',
    notFound: 'InvalidInstanceID.NotFound',
    noun: 'instance ID',
  },
} as const satisfies Record<string, Kind>;

type KindName = keyof typeof kinds;

/** @throws AwsError when the id is not of AWS's form */
export function checkId(kind: KindName, id: string): void {
  const { prefix, parameter, malformed } = kinds[kind];
  if (new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`).test(id)) return;
  if (id.startsWith(`${prefix}-`)) throw new AwsError(malformed, `Invalid id: "${id}"`);
  throw new AwsError(
    'InvalidParameterValue',
    `Value (${id}) for parameter ${parameter} is invalid. Expected: '${prefix}-...'.`,
  );
}

export function volumeOf(view: View, call: Call, id: string | undefined): Volume {
  return found(view, call, { kind: 'volumes', id: id ?? '' });
}

export function snapshotOf(view: View, call: Call, id: string | undefined): Snapshot {
  return found(view, call, { kind: 'snapshots', id: id ?? '' });
}

export function instanceOf(view: View, call: Call, id: string | undefined): Instance {
  return found(view, call, { kind: 'instances', id: id ?? '' });
}

function found<K extends KindName>(view: View, call: Call, { kind, id }: { kind: K; id: string }) {
  checkId(kind, id);
  const record = view.get(kind, id);
  if (record === undefined || record.region !== call.region) throw missing(kind, [id]);
  return record;
}

function missing(kind: KindName, ids: readonly string[]): AwsError {
  const { notFound, noun } = kinds[kind];
  const those =
    ids.length === 1
      ? `The ${noun} '${ids[0] ?? ''}' does not exist.`
      : `The ${noun}s '${ids.join(', ')}' do not exist.`;
  return new AwsError(notFound, those);
}

/** The records that a describe call is about: those named, all of which must exist, or all of the Region. */
export function selectRecords(
  view: View,
  call: Call,
  { kind, ids }: { kind: 'volumes'; ids: readonly string[] | undefined },
): readonly Volume[];
export function selectRecords(
  view: View,
  call: Call,
  { kind, ids }: { kind: 'snapshots'; ids: readonly string[] | undefined },
): readonly Snapshot[];
export function selectRecords(
  view: View,
  call: Call,
  { kind, ids }: { kind: 'instances'; ids: readonly string[] | undefined },
): readonly Instance[];
export function selectRecords(
  view: View,
  call: Call,
  { kind, ids }: { kind: KindName; ids: readonly string[] | undefined },
): readonly (Volume | Snapshot | Instance)[] {
  if (!ids || ids.length === 0) return view.list(kind).filter((record) => record.region === call.region);
  for (const id of ids) checkId(kind, id);
  const records = [...new Set(ids)].map((id) => ({ id, record: view.get(kind, id) }));
  const lost = records.filter(({ record }) => record?.region !== call.region).map(({ id }) => id);
  if (lost.length > 0) throw missing(kind, lost);
  return records.flatMap(({ record }) => (record ? [record] : []));
}
