import { AwsError } from '../errors.ts';
import { type Ref, type ServiceModel, type Shape, shapeOf } from './model.ts';

/** Form fields grown into a tree at their dots: `Filter.1.Name=x` is `{Filter: {1: {Name: 'x'}}}`. */
type Tree = Map<string, Tree | string>;

/**
 * The typed input of an EC2 query call, by member names of the model.
 * @throws AwsError UnknownParameter, InvalidParameterValue, as EC2 does
 */
export function parseEc2Query(model: ServiceModel, ref: Ref | undefined, form: URLSearchParams): unknown {
  const tree = grow(form);
  tree.delete('Action');
  tree.delete('Version');
  const shape: Shape = ref ? shapeOf(model, ref) : { type: 'structure', members: {} };
  return readStructure({ model, path: '' }, shape, tree);
}

function grow(form: URLSearchParams): Tree {
  const root: Tree = new Map();
  for (const [key, value] of form) {
    const steps = key.split('.');
    const last = steps.pop() ?? key;
    let node = root;
    for (const step of steps) {
      const next = node.get(step) ?? new Map<string, Tree | string>();
      if (typeof next === 'string') throw unknown(key);
      node.set(step, next);
      node = next;
    }
    if (node.has(last)) throw new AwsError('InvalidParameterValue', `The parameter ${key} is given twice`);
    node.set(last, value);
  }
  return root;
}

interface Reading {
  readonly model: ServiceModel;
  readonly path: string;
}

function read(at: Reading, ref: Ref, node: Tree | string): unknown {
  const shape = shapeOf(at.model, ref);
  if (shape.type === 'structure' || shape.type === 'list') {
    // An empty list or structure is sent as `Name=`.
    if (typeof node === 'string' && node !== '') throw unknown(at.path);
    const tree: Tree = typeof node === 'string' ? new Map() : node;
    return shape.type === 'list' ? readList(at, shape, tree) : readStructure(at, shape, tree);
  }
  if (typeof node !== 'string') throw unknown(`${at.path}.${[...node.keys()][0] ?? ''}`);
  return readScalar(at, shape, node);
}

function readStructure(at: Reading, shape: Shape, tree: Tree): Record<string, unknown> {
  const byWireName = new Map(
    Object.entries(shape.members ?? {}).map(([name, ref]) => [wireName(name, ref), { name, ref }]),
  );
  const out: Record<string, unknown> = {};
  for (const [key, node] of tree) {
    const path = at.path === '' ? key : `${at.path}.${key}`;
    const member = byWireName.get(key);
    if (member === undefined) throw unknown(path);
    out[member.name] = read({ ...at, path }, member.ref, node);
  }
  return out;
}

function readList(at: Reading, shape: Shape, tree: Tree): unknown[] {
  const { member } = shape;
  if (member === undefined) throw unknown(at.path);
  const order = [...tree].map(([key, node]) => ({
    key,
    node,
    index: /^[1-9]\d{0,5}$/.test(key) ? Number(key) : 0,
  }));
  const odd = order.find(({ index }) => index === 0);
  if (odd) throw unknown(`${at.path}.${odd.key}`);
  return order
    .toSorted((a, b) => a.index - b.index)
    .map(({ key, node }) => read({ ...at, path: `${at.path}.${key}` }, member, node));
}

function readScalar(at: Reading, shape: Shape, text: string): unknown {
  const value = scalars[shape.type]?.(text);
  if (value !== undefined) return value;
  throw new AwsError(
    'InvalidParameterValue',
    `Value (${text}) for parameter ${at.path} is invalid. Must be of type ${shape.type}.`,
  );
}

const scalars: Readonly<Record<string, (text: string) => unknown>> = {
  string: (text) => text,
  boolean: (text) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined),
  integer: whole,
  long: whole,
  double: decimal,
  float: decimal,
  timestamp: (text) => (Number.isNaN(Date.parse(text)) ? undefined : new Date(text)),
  blob: (text) => Buffer.from(text, 'base64'),
};

function whole(text: string): number | undefined {
  return /^-?\d{1,18}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

function decimal(text: string): number | undefined {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

/** botocore's rule for EC2: `queryName`, else `locationName` with a capital, else the member's own name. */
function wireName(name: string, ref: Ref): string {
  if (ref.queryName !== undefined) return ref.queryName;
  const base = ref.locationName ?? name;
  return base.charAt(0).toUpperCase() + base.slice(1);
}

function unknown(path: string): AwsError {
  return new AwsError('UnknownParameter', `The parameter ${path} is not recognized`);
}
