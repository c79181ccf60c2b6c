import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { appIdOf, CallLog } from '#local/edge/calls.ts';
import { Fault, Faults, faultKinds } from '#local/edge/faults.ts';

const call = { service: 'dynamodb', action: 'PutItem', functionName: 'worker', text: '{"pk":"vol-1"}' };
const fault = (given: object): Fault => Fault.parse({ id: 'a', kind: 'throttle', ...given });
const hits = (given: object, count: number): string => {
  const faults = new Faults();
  faults.set([fault(given)]);
  return Array.from({ length: count }, () => (faults.take(call) ? 'X' : '.')).join('');
};

describe('a fault switch', () => {
  it.each([
    [{}, true],
    [{ service: 'dynamodb' }, true],
    [{ service: 'ec2' }, false],
    [{ action: 'PutItem' }, true],
    [{ action: 'Put*' }, true],
    [{ action: '*Item' }, true],
    [{ action: 'Get*' }, false],
    [{ action: 'P.*' }, false],
    [{ action: 'P*tIt*m' }, true],
    [{ action: 'PutItem*m' }, false],
    [{ functionName: 'worker' }, true],
    [{ functionName: 'other' }, false],
    [{ about: 'vol-1' }, true],
    [{ about: 'vol-2' }, false],
    [{ about: ['pk', 'vol-1'] }, true],
    [{ about: ['pk', 'vol-2'] }, false],
    [{ service: 'dynamodb', action: 'PutItem', functionName: 'other' }, false],
  ])('%j is for the call: %s', (given, expected) => {
    expect(hits(given, 1)).toBe(expected ? 'X' : '.');
  });

  it('lets `after` calls pass and hits `times`', () => {
    expect(hits({ after: 2, times: 2 }, 6)).toBe('..XX..');
  });

  it('leaves a call to the next switch when it does not fire', () => {
    const faults = new Faults();
    faults.set([fault({ id: 'once', times: 1 }), fault({ id: 'then', kind: 'latency' })]);
    expect([faults.take(call)?.id, faults.take(call)?.id]).toEqual(['once', 'then']);
    expect(faults.status).toMatchObject([
      { id: 'once', matched: 2, injected: 1 },
      { id: 'then', matched: 1, injected: 1 },
    ]);
  });

  it('goes on counting when others are added behind it', () => {
    const faults = new Faults();
    faults.set([fault({ id: 'first', times: 1 })]);
    expect(faults.take(call)?.id).toBe('first');
    faults.add([fault({ id: 'later', times: 1 })]);
    expect([faults.take(call)?.id, faults.take(call)?.id]).toEqual(['later', undefined]);
    expect(faults.status.map(({ id, injected }) => [id, injected])).toEqual([
      ['first', 1],
      ['later', 1],
    ]);
  });

  test.prop([fc.integer(), fc.double({ min: 0, max: 1, noNaN: true })])(
    'with a seed hits the same calls every time',
    (seed, probability) => {
      expect(hits({ seed, probability }, 50)).toBe(hits({ seed, probability }, 50));
    },
  );

  it('hits about the share that it is told', () => {
    const share = hits({ probability: 0.3, seed: 42 }, 2000).replaceAll('.', '').length / 2000;
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.35);
  });

  it.each([{ kind: 'explode' }, { probability: 2 }, { times: 0 }, { sevice: 'typo' }])(
    'is none: %j',
    (given) => {
      expect(Fault.safeParse({ id: 'a', kind: 'throttle', ...given }).success).toBe(false);
    },
  );

  it('has a kind for each line of the documentation', () => {
    expect(faultKinds).toHaveLength(8);
  });
});

describe('the record of calls', () => {
  const noted = {
    at: '',
    service: 's3',
    action: 'GetObject',
    region: 'r',
    functionName: null,
    status: 200,
    fault: null,
  };

  it('waits for who made them, and keeps their order', async () => {
    const log = new CallLog();
    let tell: (arn: string) => void = () => undefined;
    log.note({ ...noted, principalArn: new Promise((resolve) => (tell = resolve)) });
    log.note({ ...noted, principalArn: null });
    tell('arn:aws:iam::0:user/late');
    expect(await log.since(0)).toMatchObject([
      { seq: 1, principalArn: 'arn:aws:iam::0:user/late' },
      { seq: 2 },
    ]);
    expect(await log.since(1)).toMatchObject([{ seq: 2 }]);
  });

  it('counts on after it was cleared, and is bounded', async () => {
    const log = new CallLog();
    for (let at = 0; at < 23_000; at++) log.note({ ...noted, principalArn: null });
    expect((await log.since(0)).length).toBeLessThanOrEqual(22_000);
    log.clear();
    log.note({ ...noted, principalArn: null });
    expect(await log.since(0)).toMatchObject([{ seq: 23_001 }]);
  });

  it.each([
    [
      'aws-sdk-js/3.1 ua/2.1 os/linux#6 lang/js md/nodejs#24 api/dynamodb#3.1 m/E,n app/ebs-worker',
      'ebs-worker',
    ],
    ['app/agent', 'agent'],
    ['aws-sdk-js/3.1 app/ebs-worker-PT-NO-OP-2.35.0-PTEnv-NA', 'ebs-worker'],
    ['aws-sdk-js/3.1 snapp/no', null],
    ['', null],
    [undefined, null],
  ])('reads the caller’s name in %j', (userAgent, name) => {
    expect(appIdOf(userAgent)).toBe(name);
  });
});
