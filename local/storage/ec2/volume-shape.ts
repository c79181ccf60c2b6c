import { AwsError } from '../errors.ts';
import type { VolumeKind, VolumeShape } from '../state/entities.ts';

type Range = readonly [least: number, most: number];

interface Limits {
  /** GiB */
  readonly size: Range;
  readonly iops?: Range;
  /** Most IOPS per GiB. */
  readonly ratio?: number;
  /** MiB/s */
  readonly throughput?: Range;
  readonly iopsRequired?: true;
}

/** EBS's limits per type (CreateVolume reference, botocore 1.43.106). */
const limits: Readonly<Record<VolumeKind, Limits>> = {
  gp3: { size: [1, 65_536], iops: [3000, 80_000], ratio: 500, throughput: [125, 2000] },
  gp2: { size: [1, 16_384] },
  io1: { size: [4, 16_384], iops: [100, 64_000], ratio: 50, iopsRequired: true },
  io2: { size: [4, 65_536], iops: [100, 256_000], ratio: 1000, iopsRequired: true },
  st1: { size: [125, 16_384] },
  sc1: { size: [125, 16_384] },
  standard: { size: [1, 1024] },
};

interface Wanted {
  readonly type: VolumeKind;
  readonly size: number;
  readonly iops: number | undefined;
  readonly throughput: number | undefined;
}

/** The volume that such a request gives, defaults filled in. @throws AwsError when EBS has no such volume */
export function volumeShape(wanted: Wanted): VolumeShape {
  const { type, size } = wanted;
  const limit = limits[type];
  inRange(size, limit.size, `Volume of ${size}GiB is not allowed for volume type ${type}; it can be`);
  const iops = iopsOf(wanted, limit);
  const throughput = throughputOf(wanted, { limit, iops });
  return {
    type,
    size,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
  };
}

function iopsOf({ type, size, iops }: Wanted, limit: Limits): number | undefined {
  if (!limit.iops) {
    if (iops !== undefined)
      throw new AwsError(
        'InvalidParameterCombination',
        `The parameter iops is not supported for ${type} volumes.`,
      );
    return type === 'gp2' ? Math.max(100, Math.min(3 * size, 16_000)) : undefined;
  }
  if (iops === undefined) {
    if (limit.iopsRequired)
      throw new AwsError('MissingParameter', `The parameter iops must be specified for ${type} volumes.`);
    return limit.iops[0];
  }
  inRange(iops, limit.iops, `Volume iops of ${iops} is not allowed; ${type} has`);
  // gp3 has its baseline whatever the size.
  const base = type === 'gp3' ? limit.iops[0] : 0;
  if (iops > base && limit.ratio !== undefined && iops > limit.ratio * size) {
    throw new AwsError(
      'InvalidParameterValue',
      `Iops to volume size ratio of ${(iops / size).toFixed(6)} is too high; maximum is ${limit.ratio}`,
    );
  }
  return iops;
}

function throughputOf(
  { type, throughput }: Wanted,
  { limit, iops }: { limit: Limits; iops: number | undefined },
): number | undefined {
  if (!limit.throughput) {
    if (throughput !== undefined)
      throw new AwsError(
        'InvalidParameterCombination',
        `The parameter throughput is not supported for ${type} volumes.`,
      );
    return undefined;
  }
  if (throughput === undefined) return limit.throughput[0];
  inRange(throughput, limit.throughput, `Throughput value of ${throughput} is not valid; ${type} has`);
  if (iops !== undefined && throughput > iops * 0.25) {
    throw new AwsError(
      'InvalidParameterValue',
      `Throughput (MiBps) to iops ratio of ${(throughput / iops).toFixed(6)} is too high; maximum is 0.250000 MiBps per iops.`,
    );
  }
  return throughput;
}

function inRange(value: number, [least, most]: Range, text: string): void {
  if (value < least || value > most)
    throw new AwsError('InvalidParameterValue', `${text} ${least} to ${most}`);
}
