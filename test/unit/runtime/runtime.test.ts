import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { VolumesApiEnvironment } from '#shared/model/environment.ts';
import { httpFunction, workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { parseEvent } from '#shared/runtime/http-request.ts';
import { problemResponse } from '#shared/runtime/http-response.ts';
import { metrics } from '#shared/runtime/telemetry.ts';
import { createRouter, type RouteHandlers } from '#shared/runtime/router.ts';
import { eventOf } from '#test/support/api-world.ts';

const variables = {
  TABLE_NAME: 't',
  POWERTOOLS_SERVICE_NAME: 'volumes-api',
  POWERTOOLS_METRICS_NAMESPACE: 'HivemindVolumes',
  AWS_SDK_UA_APP_ID: 'volumes-api',
  STATE_MACHINE_ARN: 'arn',
  QUEUE_PREFIX: 'q-',
  UNDO_WINDOW_HOURS: '24',
  FILE_SYSTEM_ID: 'fs-1',
};
const context = {
  awsRequestId: 'r1',
  functionName: 'f',
  functionVersion: '1',
  invokedFunctionArn: 'arn',
  memoryLimitInMB: '128',
  logGroupName: 'g',
  logStreamName: 's',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => 1234,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
};

describe('the environment', () => {
  it('is read by the schema of its construct', () => {
    expect(readEnvironment(VolumesApiEnvironment, { ...variables, PATH: '/bin' })).toMatchObject({
      TABLE_NAME: 't',
      UNDO_WINDOW_HOURS: 24,
    });
  });

  it('that is wrong names each variable', () => {
    const wrong = { ...variables, TABLE_NAME: '', UNDO_WINDOW_HOURS: 'soon' };
    expect(() => readEnvironment(VolumesApiEnvironment, wrong)).toThrow(
      /TABLE_NAME[\s\S]*UNDO_WINDOW_HOURS|UNDO_WINDOW_HOURS[\s\S]*TABLE_NAME/,
    );
  });
});

describe('events', () => {
  it('are taken as AWS sends them and as emulators do', () => {
    const plain = eventOf({ path: '/x', query: 'a=1&a=2', headers: { 'X-Y': 'z' } }) as Record<
      string,
      unknown
    >;
    const request = parseEvent({ ...plain, pathParameters: null, body: null, cookies: undefined });
    expect(request).toMatchObject({ method: 'GET', path: '/x', headers: { 'x-y': 'z' }, body: '' });
    expect(request.query.getAll('a')).toEqual(['1', '2']);
  });

  it('have their body decoded', () => {
    const event = eventOf({ path: '/x' }) as Record<string, unknown>;
    const body = Buffer.from('{"é":1}').toString('base64');
    expect(parseEvent({ ...event, body, isBase64Encoded: true }).body).toBe('{"é":1}');
  });

  it.each([
    ['no authorizer', undefined],
    ['null', null],
    ['an authorizer that is not IAM', { jwt: { claims: {} } }],
    ['IAM without a caller', { iam: { userArn: '', userId: '', accountId: '' } }],
  ])('with %s are refused', (_, authorizer) => {
    const event = eventOf({ path: '/x' }) as { requestContext: Record<string, unknown> };
    const altered = { ...event, requestContext: { ...event.requestContext, authorizer } };
    expect(() => parseEvent(altered)).toThrow('The call was not authenticated by IAM.');
  });
});

describe('an error that is none of ours', () => {
  it('is hidden behind the request id, and written to the log', async () => {
    const lines: unknown[] = [];
    const log = {
      info: () => undefined,
      warn: () => undefined,
      error: (...line: unknown[]) => void lines.push(line),
    };
    const broken = { whoAmI: () => Promise.reject(new RangeError('secret detail')) };
    const serve = createRouter('volumes', broken as unknown as RouteHandlers<'volumes'>, log);
    const answer = await serve(eventOf({ path: '/v1/identity' }));
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret');
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'Internal', about: { requestId: 'request-1' } });
    expect(lines).toHaveLength(1);
  });
});

describe('bundles', () => {
  it('of an HTTP function count what was answered, refused and failed', async () => {
    const published: unknown[] = [];
    const spy = vi.spyOn(metrics, 'addMetric').mockImplementation((name) => {
      published.push(name);
      return metrics;
    });
    for (const statusCode of [200, 202, 404, 501, 500, 503]) {
      const handler = httpFunction(() => Promise.resolve({ statusCode, headers: {}, body: '' }));
      await handler({}, context);
    }
    spy.mockRestore();
    expect(published.filter((name) => name !== 'ColdStart')).toEqual([
      'Answered',
      'Answered',
      'Refused',
      'Refused',
      'Failed',
      'Failed',
    ]);
  });

  it('of a work function parse the event, tell the time that is left, and throw errors on', async () => {
    const schema = z.object({ n: z.number() });
    const work = workFunction(schema, ({ n }, { remaining, requestId }) =>
      n < 0 ? Promise.reject(new RangeError('negative')) : Promise.resolve([n, remaining(), requestId]),
    );
    expect(await work({ n: 1 } as never, context)).toEqual([1, 1234, 'r1']);
    await expect(work({ n: -1 } as never, context)).rejects.toThrow('negative');
    await expect(work({ n: 'x' } as never, context)).rejects.toThrow('expected number');
  });

  it('problems are never cached', () => {
    expect(problemResponse(new RangeError('x'), 'r').headers['cache-control']).toBe('no-store');
  });
});
