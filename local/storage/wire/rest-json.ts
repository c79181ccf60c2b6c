import { AwsError } from '../errors.ts';
import { type Operation, type Ref, type ServiceModel, type Shape, shapeOf } from './model.ts';

/** What a rest-json request brings, not yet read. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface RestMatch {
  readonly operation: Operation;
  readonly labels: Readonly<Record<string, string>>;
}

/** The operation whose method and path template fit, or undefined. Templates with fewer labels win. */
export function matchRest(model: ServiceModel, request: RestRequest): RestMatch | undefined {
  const routes = routesOf(model);
  for (const { operation, pattern, names } of routes) {
    if (operation.http.method !== request.method) continue;
    const found = pattern.exec(request.path);
    if (!found) continue;
    const labels: Record<string, string> = {};
    names.forEach((name, i) => (labels[name] = decodeURIComponent(found[i + 1] ?? '')));
    return { operation, labels };
  }
  return undefined;
}

interface Route {
  readonly operation: Operation;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

const tables = new WeakMap<ServiceModel, readonly Route[]>();

function routesOf(model: ServiceModel): readonly Route[] {
  const known = tables.get(model);
  if (known) return known;
  const made = Object.values(model.operations)
    .map(routeOf)
    .toSorted((a, b) => a.names.length - b.names.length);
  tables.set(model, made);
  return made;
}

function routeOf(operation: Operation): Route {
  const names: string[] = [];
  const [path = ''] = operation.http.requestUri.split('?');
  const source = path
    .replace(/\/$/, '')
    .split('/')
    .map((part) => {
      const label = /^\{(\w+)(\+?)\}$/.exec(part);
      if (!label) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
      names.push(label[1] ?? '');
      return label[2] === '+' ? '(.+)' : '([^/]+)';
    })
    .join('/');
  return { operation, pattern: new RegExp(`^${source}/?$`), names };
}

/** The typed input of a rest-json call, by member names of the model. */
export function parseRest(model: ServiceModel, match: RestMatch, request: RestRequest): unknown {
  const { input } = match.operation;
  if (input === undefined) return {};
  const body = readBody(request.body);
  const out: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [name, ref] of Object.entries(shapeOf(model, input).members ?? {})) {
    const wire = ref.locationName ?? name;
    if (ref.location === undefined) known.add(wire);
    const value =
      ref.location === undefined
        ? readJson(model, ref, body[wire])
        : readLocated({ model, ref, wire }, { match, request });
    if (value !== undefined) out[name] = value;
  }
  for (const [name, value] of Object.entries(body)) if (!known.has(name) && value !== null) out[name] = value;
  return out;
}

function readBody(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(value)) return value;
  } catch {
    // falls through to the one refusal below
  }
  throw new AwsError('SerializationException', 'The request body is not a JSON object');
}

interface Located {
  readonly model: ServiceModel;
  readonly ref: Ref;
  readonly wire: string;
}

function readLocated(at: Located, from: { match: RestMatch; request: RestRequest }): unknown {
  const shape = shapeOf(at.model, at.ref);
  if (at.ref.location === 'querystring' && shape.type === 'list') {
    const all = from.request.query.getAll(at.wire);
    return all.length === 0 ? undefined : all;
  }
  const text =
    at.ref.location === 'uri'
      ? from.match.labels[at.wire]
      : at.ref.location === 'querystring'
        ? (from.request.query.get(at.wire) ?? undefined)
        : from.request.headers[at.wire.toLowerCase()];
  return text === undefined ? undefined : readText(shape, text);
}

function readText(shape: Shape, text: string): unknown {
  switch (shape.type) {
    case 'integer':
    case 'long':
    case 'double':
      return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'timestamp':
      return new Date(/^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : text);
    default:
      return text;
  }
}

/** JSON to typed: times and blobs converted, everything else kept for the validation to judge. */
function readJson(model: ServiceModel, ref: Ref, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  const shape = shapeOf(model, ref);
  const { member, value: mapValue } = shape;
  if (shape.type === 'timestamp' && typeof value === 'number') return new Date(value * 1000);
  if (shape.type === 'timestamp' && typeof value === 'string') return new Date(value);
  if (shape.type === 'blob' && typeof value === 'string') return Buffer.from(value, 'base64');
  if (shape.type === 'list' && member && Array.isArray(value))
    return value.map((item) => readJson(model, member, item));
  if (!isRecord(value)) return value;
  if (shape.type === 'map' && mapValue) return mapEntries(value, (child) => readJson(model, mapValue, child));
  if (shape.type !== 'structure') return value;
  const names = new Map(
    Object.entries(shape.members ?? {}).map(([name, ref]) => [ref.locationName ?? name, { name, ref }]),
  );
  const out: Record<string, unknown> = {};
  for (const [wire, child] of Object.entries(value)) {
    const known = names.get(wire);
    const read = known ? readJson(model, known.ref, child) : child;
    if (read !== undefined && read !== null) out[known?.name ?? wire] = read;
  }
  return out;
}

/** The answer's status and JSON body. */
export function writeRest(
  model: ServiceModel,
  operation: Operation,
  value: unknown,
): { status: number; body: string } {
  const status = operation.http.responseCode ?? 200;
  if (operation.output === undefined) return { status, body: '' };
  return { status, body: JSON.stringify(writeJson(model, operation.output, value ?? {})) };
}

function writeJson(model: ServiceModel, ref: Ref, value: unknown): unknown {
  const shape = shapeOf(model, ref);
  const { member, value: mapValue } = shape;
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (shape.type === 'list' && member && Array.isArray(value))
    return value.map((item) => writeJson(model, member, item));
  if (!isRecord(value)) return value;
  if (shape.type === 'map' && mapValue)
    return mapEntries(value, (child) => writeJson(model, mapValue, child));
  const out: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    const known = shape.members?.[name];
    if (known && child !== undefined && child !== null)
      out[known.locationName ?? name] = writeJson(model, known, child);
  }
  return out;
}

function mapEntries(
  value: Record<string, unknown>,
  to: (child: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, to(child)]));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
