import { expect, test } from 'vitest';
import { volumeShape } from '#local/storage/ec2/volume-shape.ts';
import type { VolumeKind } from '#local/storage/state/entities.ts';

type Row = [
  type: VolumeKind,
  size: number,
  iops: number | undefined,
  throughput: number | undefined,
  expected: string | { iops?: number; throughput?: number },
];

test.for<Row>([
  ['gp3', 1, undefined, undefined, { iops: 3000, throughput: 125 }],
  ['gp3', 65_536, 80_000, 2000, { iops: 80_000, throughput: 2000 }],
  ['gp3', 10, 5001, undefined, 'InvalidParameterValue'],
  ['gp3', 1, 3000, 750, { iops: 3000, throughput: 750 }],
  ['gp3', 1, 3000, 751, 'InvalidParameterValue'],
  ['gp2', 1, undefined, undefined, { iops: 100 }],
  ['gp2', 1000, undefined, undefined, { iops: 3000 }],
  ['gp2', 16_384, undefined, undefined, { iops: 16_000 }],
  ['gp2', 1, undefined, 125, 'InvalidParameterCombination'],
  ['io1', 4, 200, undefined, { iops: 200 }],
  ['io1', 3, 150, undefined, 'InvalidParameterValue'],
  ['io2', 4, 4000, undefined, { iops: 4000 }],
  ['io2', 4, 4001, undefined, 'InvalidParameterValue'],
  ['st1', 125, undefined, undefined, {}],
  ['sc1', 16_385, undefined, undefined, 'InvalidParameterValue'],
  ['standard', 1025, undefined, undefined, 'InvalidParameterValue'],
])('%s of %i GiB with %s iops and %s MiB/s', ([type, size, iops, throughput, expected]) => {
  const outcome = (): unknown => {
    try {
      return volumeShape({ type, size, iops, throughput });
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(outcome()).toEqual(typeof expected === 'string' ? expected : { type, size, ...expected });
});
