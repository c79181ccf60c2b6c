import { Readable } from 'node:stream';
import * as backup from '@aws-sdk/client-backup';
import * as ec2 from '@aws-sdk/client-ec2';
import * as efs from '@aws-sdk/client-efs';
import { beforeAll, expect, test } from 'vitest';
import { backupOperations } from '#local/storage/backup/operations.ts';
import { ec2Operations } from '#local/storage/ec2/operations.ts';
import { efsOperations } from '#local/storage/efs/operations.ts';
import {
  loadServiceModels,
  type Operation,
  type Ref,
  type ServiceModel,
  type ServiceModels,
  type ServiceName,
} from '#local/storage/wire/model.ts';
import { protocols } from '#local/storage/wire/protocols.ts';
import { validate } from '#local/storage/wire/validate.ts';
import { serviceModels } from '#test/support/service-models.ts';
import { credentials } from './support/storage.ts';

/*
 * Every operation that the service offers, both ways, against the SDK's own codecs: a full input made from AWS's model
 * goes through the SDK's serialiser and our parser, a full output through our writer and the SDK's deserialiser.
 */

let models: ServiceModels;

beforeAll(async () => {
  models = await loadServiceModels(await serviceModels());
});

const samples = [
  'sample',
  'text-0123',
  '123456789012',
  '0755',
  '/volumes/one',
  'fs-0123456789abcdef0',
  'fsap-0123456789abcdef0',
  'fsmt-0123456789abcdef0',
  'subnet-0123456789abcdef0',
  'sg-0123456789abcdef0',
  'arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-0123456789abcdef0',
  'arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0',
  'arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef',
  'eni-0123456789abcdef0',
  '10.0.0.1',
  '2001:db8:0:0:0:0:0:1',
  'a'.repeat(40),
];

/** A value of the shape with every member set; recursion ends where a shape would hold itself. */
function make(model: ServiceModel, ref: Ref, above: readonly string[] = []): unknown {
  const shape = model.shapes[ref.shape];
  if (!shape || above.includes(ref.shape)) return undefined;
  const inner = [...above, ref.shape];
  switch (shape.type) {
    case 'structure':
      return Object.fromEntries(
        Object.entries(shape.members ?? {}).flatMap(([name, member]) => {
          const value = make(model, member, inner);
          return value === undefined ? [] : [[name, value]];
        }),
      );
    case 'list': {
      const item = shape.member && make(model, shape.member, inner);
      return item === undefined ? undefined : [item];
    }
    case 'map':
      return {
        [String(shape.key && make(model, shape.key, inner))]: shape.value && make(model, shape.value, inner),
      };
    case 'boolean':
      return true;
    case 'timestamp':
      return new Date('2026-11-23T18:00:00Z');
    case 'integer':
    case 'long':
    case 'double':
    case 'float':
      return Math.max(7, shape.min ?? 0);
    default:
      return (
        [...(shape.enum ?? []).slice(0, 1), ...samples].find(
          (sample) => validate(model, ref, sample).length === 0,
        ) ?? '<&"\' ü>'
      );
  }
}

interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface SdkModule {
  readonly [name: string]: unknown;
}

type Construct = new (input: unknown) => never;
const sdks: Readonly<Record<ServiceName, { sdk: SdkModule; client: string; operations: readonly string[] }>> =
  {
    ec2: { sdk: ec2, client: 'EC2Client', operations: Object.keys(ec2Operations) },
    efs: { sdk: efs, client: 'EFSClient', operations: Object.keys(efsOperations) },
    backup: { sdk: backup, client: 'BackupClient', operations: Object.keys(backupOperations) },
  };

/** Sends the command through the SDK; its request is given to `answer`, whose answer the SDK reads. */
async function through(
  service: ServiceName,
  call: { name: string; input: unknown },
  answer: (request: HttpRequest) => {
    status: number;
    headers: Readonly<Record<string, string>>;
    body: string;
  },
): Promise<unknown> {
  const { sdk, client } = sdks[service];
  const handle = (request: HttpRequest) => {
    const { status, headers, body } = answer(request);
    // The SDK decides by the constructor's name whether this is an answer.
    return Promise.resolve({
      response: Object.assign(new HttpResponse(), {
        statusCode: status,
        headers,
        body: Readable.from([Buffer.from(body)]),
      }),
    });
  };
  const made = new (sdk[client] as Construct)({
    region: 'us-east-1',
    endpoint: 'http://localhost',
    credentials,
    maxAttempts: 1,
    requestHandler: { handle },
  }) as { send(command: unknown): Promise<unknown> };
  return await made.send(new (sdk[`${call.name}Command`] as Construct)(call.input));
}

class HttpResponse {
  readonly reason = '';
}

function restOf(request: HttpRequest) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(request.query))
    for (const one of [value].flat()) query.append(key, one);
  const body = typeof request.body === 'string' ? Buffer.from(request.body) : Buffer.from(request.body ?? []);
  return { method: request.method, path: request.path, query, headers: request.headers, body };
}

const cases = (Object.keys(sdks) as ServiceName[]).flatMap((service) =>
  sdks[service].operations.map((name) => [service, name] as const),
);

test.for(cases)('%s %s', async ([service, name]) => {
  const model = models[service];
  const operation = model.operations[name] as Operation;
  const input = operation.input ? make(model, operation.input) : {};
  const output = operation.output ? make(model, operation.output) : undefined;
  expect(operation.input ? validate(model, operation.input, input) : []).toEqual([]);
  expect(operation.output ? validate(model, operation.output, output) : []).toEqual([]);
  const seen: { operation?: string; input?: unknown } = {};
  const answer = await through(service, { name, input }, (request) => {
    const parsed = protocols[service].parse(model, restOf(request));
    Object.assign(seen, { operation: parsed.operation.name, input: parsed.input() });
    return protocols[service].answer(model, operation, { value: output, requestId: 'request' });
  });
  expect(seen.operation).toBe(name);
  expect(plain(seen.input)).toEqual(plain(input));
  expect(plain(answer)).toEqual(plain(output ?? {}));
});

/** Without what the SDK adds on its own: its metadata, and the presigned address of a copy. */
function plain(value: unknown): unknown {
  const {
    $metadata: _metadata,
    PresignedUrl: _url,
    DestinationRegion: _region,
    ...rest
  } = value as Record<string, unknown>;
  return rest;
}
