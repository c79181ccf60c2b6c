import { expect, test } from 'vitest';
import { idsIn } from '#local/storage/call-log.ts';
import { parseEc2Query } from '#local/storage/wire/ec2-query.ts';
import { writeEc2Answer } from '#local/storage/wire/ec2-xml.ts';
import type { ServiceModel } from '#local/storage/wire/model.ts';
import { matchRest, parseRest } from '#local/storage/wire/rest-json.ts';
import { validate } from '#local/storage/wire/validate.ts';

/** A service as small as a model can be and still have every kind of shape. */
const model: ServiceModel = {
  metadata: { protocol: 'ec2', apiVersion: '1', xmlNamespace: 'http://example.test/doc/1' },
  operations: {
    Put: {
      name: 'Put',
      http: { method: 'PUT', requestUri: '/things/{name}' },
      input: { shape: 'Thing' },
      output: { shape: 'Thing' },
    },
    List: { name: 'List', http: { method: 'GET', requestUri: '/things' }, input: { shape: 'Query' } },
  },
  shapes: {
    Thing: {
      type: 'structure',
      required: ['Name'],
      members: {
        Name: { shape: 'Name', location: 'uri', locationName: 'name' },
        Count: { shape: 'Count', locationName: 'count' },
        Tags: { shape: 'Tags', locationName: 'Tag' },
        Ready: { shape: 'Flag' },
        At: { shape: 'Time' },
      },
    },
    Query: {
      type: 'structure',
      members: {
        Most: { shape: 'Count', location: 'querystring', locationName: 'most' },
        Names: { shape: 'Names', location: 'querystring', locationName: 'names' },
      },
    },
    Name: { type: 'string', pattern: '[a-z]+', max: 5 },
    Names: { type: 'list', member: { shape: 'Name' } },
    Count: { type: 'integer', min: 1, max: 9 },
    Flag: { type: 'boolean' },
    Time: { type: 'timestamp' },
    Tags: { type: 'list', max: 2, member: { shape: 'Tag', locationName: 'item' } },
    Tag: { type: 'structure', members: { Key: { shape: 'Name', locationName: 'key' } } },
  },
};

const parse = (query: string): unknown =>
  parseEc2Query(model, { shape: 'Thing' }, new URLSearchParams(query));

test('a query grows into the shape of its model, lists in the order of their numbers', () => {
  expect(parse('Action=Put&Version=1&Name=abc&Count=3&Ready=true&Tag.10.Key=z&Tag.2.Key=a')).toEqual({
    Name: 'abc',
    Count: 3,
    Ready: true,
    Tags: [{ Key: 'a' }, { Key: 'z' }],
  });
});

test.for<[string, string]>([
  ['Colour=red', 'UnknownParameter'],
  ['Tag.1.Colour=red', 'UnknownParameter'],
  ['Tag.x.Key=a', 'UnknownParameter'],
  ['Name.1=abc', 'UnknownParameter'],
  ['Tag=x', 'UnknownParameter'],
  ['Name=a&Name=b', 'InvalidParameterValue'],
  ['Count=many', 'InvalidParameterValue'],
  ['Ready=perhaps', 'InvalidParameterValue'],
  ['At=someday', 'InvalidParameterValue'],
])('%s is refused', ([query, code]) => {
  expect(() => parse(query)).toThrow(expect.objectContaining({ code }));
});

test('an answer is written under the model’s names, its text escaped', () => {
  const operation = model.operations['Put'];
  const xml =
    operation &&
    writeEc2Answer(model, operation, {
      value: { Name: '<&>', Tags: [{ Key: 'a' }], At: new Date(0) },
      requestId: 'r',
    });
  expect(xml).toContain(
    '<name>&lt;&amp;&gt;</name><Tag><item><key>a</key></item></Tag><At>1970-01-01T00:00:00.000Z</At>',
  );
  expect(xml).toContain('<PutResponse xmlns="http://example.test/doc/1/"><requestId>r</requestId>');
});

test('everything that is wrong with a value is named, with its place', () => {
  const issues = validate(
    model,
    { shape: 'Thing' },
    { Count: 10, Ready: 'yes', Colour: 'red', Tags: [{ Key: 'UPPER' }, { Key: 1 }, {}] },
  );
  expect(issues.map(({ path, kind }) => [path, kind])).toEqual([
    ['Name', 'missing'],
    ['Count', 'range'],
    ['Ready', 'type'],
    ['Colour', 'unknown'],
    ['Tags', 'length'],
    ['Tags.1.Key', 'pattern'],
    ['Tags.2.Key', 'type'],
  ]);
  expect(validate(model, { shape: 'Thing' }, { Name: 'abc', At: new Date() })).toEqual([]);
});

const rest = (method: string, path: string, more: { query?: string; body?: string } = {}) => {
  const request = {
    method,
    path,
    query: new URLSearchParams(more.query ?? ''),
    headers: {},
    body: Buffer.from(more.body ?? ''),
  };
  const match = matchRest(model, request);
  return match && { operation: match.operation.name, input: parseRest(model, match, request) };
};

test('a path, a query and a body make one input', () => {
  expect(rest('PUT', '/things/a%2Fb', { body: '{"count":2,"At":60,"extra":null}' })).toEqual({
    operation: 'Put',
    input: { Name: 'a/b', Count: 2, At: new Date(60_000) },
  });
  expect(rest('GET', '/things/', { query: 'most=3&names=a&names=b' })).toEqual({
    operation: 'List',
    input: { Most: 3, Names: ['a', 'b'] },
  });
  expect(rest('POST', '/things')).toBeUndefined();
  expect(() => rest('PUT', '/things/a', { body: '[]' })).toThrow(
    expect.objectContaining({ code: 'SerializationException' }),
  );
});

test('the ids in a call are found at any depth', () => {
  expect(idsIn({ a: 'vol-0123456789abcdef0', b: { c: ['i-01234567', 'text'] }, d: 3 })).toEqual([
    'vol-0123456789abcdef0',
    'i-01234567',
  ]);
});
