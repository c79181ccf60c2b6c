import { type Ref, type ServiceModel, type Shape, shapeOf } from './model.ts';

/** One way in which a value is not what the model says. */
export interface Issue {
  /** Dotted path of member names, list items by index. */
  readonly path: string;
  readonly kind: 'missing' | 'unknown' | 'type' | 'enum' | 'pattern' | 'length' | 'range';
  readonly message: string;
}

/** A value that is on its way through the model; `Date` for timestamps, `Uint8Array` for blobs. */
type Value = unknown;

/** Everything wrong with `value` as the shape that `ref` names; empty when it fits. */
export function validate(model: ServiceModel, ref: Ref, value: Value): readonly Issue[] {
  const issues: Issue[] = [];
  walk({ model, issues }, ref, { value, path: '' });
  return issues;
}

interface Walk {
  readonly model: ServiceModel;
  readonly issues: Issue[];
}

interface At {
  readonly value: Value;
  readonly path: string;
}

function walk(to: Walk, ref: Ref, at: At): void {
  const shape = shapeOf(to.model, ref);
  const check = checks[shape.type];
  if (check) check(to, shape, at);
  else report(to, at, { kind: 'type', message: `unknown shape type ${shape.type}` });
}

type Check = (to: Walk, shape: Shape, at: At) => void;

const checks: Readonly<Record<string, Check>> = {
  structure: checkStructure,
  list: checkList,
  map: checkMap,
  string: checkString,
  boolean: (to, _shape, at) => expect(to, at, { fits: typeof at.value === 'boolean', what: 'a boolean' }),
  integer: checkWhole,
  long: checkWhole,
  double: checkNumber,
  float: checkNumber,
  timestamp: (to, _shape, at) =>
    expect(to, at, { fits: at.value instanceof Date && !Number.isNaN(at.value.getTime()), what: 'a time' }),
  blob: (to, _shape, at) => expect(to, at, { fits: at.value instanceof Uint8Array, what: 'bytes' }),
};

function checkStructure(to: Walk, shape: Shape, at: At): void {
  if (!isRecord(at.value)) return mistyped(to, at, 'a structure');
  const members = shape.members ?? {};
  const value = at.value;
  for (const name of shape.required ?? []) {
    if (value[name] === undefined || value[name] === null) {
      report(
        to,
        { ...at, path: join(at.path, name) },
        { kind: 'missing', message: 'Member must not be null' },
      );
    }
  }
  for (const [name, child] of Object.entries(value)) {
    if (child === undefined || child === null) continue;
    const path = join(at.path, name);
    const ref = members[name];
    if (ref === undefined)
      report(to, { value: child, path }, { kind: 'unknown', message: 'is not a member' });
    else walk(to, ref, { value: child, path });
  }
}

function checkList(to: Walk, shape: Shape, at: At): void {
  if (!Array.isArray(at.value)) return mistyped(to, at, 'a list');
  checkLength(to, shape, { ...at, length: at.value.length });
  const { member } = shape;
  if (member)
    at.value.forEach((value: Value, i) => walk(to, member, { value, path: join(at.path, String(i + 1)) }));
}

function checkMap(to: Walk, shape: Shape, at: At): void {
  if (!isRecord(at.value)) return mistyped(to, at, 'a map');
  for (const [key, value] of Object.entries(at.value)) {
    const path = join(at.path, key);
    if (shape.key) walk(to, shape.key, { value: key, path });
    if (shape.value) walk(to, shape.value, { value, path });
  }
}

function checkString(to: Walk, shape: Shape, at: At): void {
  if (typeof at.value !== 'string') return mistyped(to, at, 'a string');
  checkLength(to, shape, { ...at, length: at.value.length });
  if (shape.enum && !shape.enum.includes(at.value)) {
    report(to, at, {
      kind: 'enum',
      message: `Member must satisfy enum value set: [${shape.enum.join(', ')}]`,
    });
  }
  if (shape.pattern !== undefined && !matcher(shape.pattern).test(at.value)) {
    report(to, at, {
      kind: 'pattern',
      message: `Member must satisfy regular expression pattern: ${shape.pattern}`,
    });
  }
}

function checkLength(to: Walk, shape: Shape, at: At & { readonly length: number }): void {
  if (shape.min !== undefined && at.length < shape.min) {
    report(to, at, {
      kind: 'length',
      message: `Member must have length greater than or equal to ${shape.min}`,
    });
  }
  if (shape.max !== undefined && at.length > shape.max) {
    report(to, at, { kind: 'length', message: `Member must have length less than or equal to ${shape.max}` });
  }
}

function checkWhole(to: Walk, shape: Shape, at: At): void {
  if (!Number.isSafeInteger(at.value)) return mistyped(to, at, 'an integer');
  checkNumber(to, shape, at);
}

function checkNumber(to: Walk, shape: Shape, at: At): void {
  if (typeof at.value !== 'number' || Number.isNaN(at.value)) return mistyped(to, at, 'a number');
  if (shape.min !== undefined && at.value < shape.min) {
    report(to, at, {
      kind: 'range',
      message: `Member must have value greater than or equal to ${shape.min}`,
    });
  }
  if (shape.max !== undefined && at.value > shape.max) {
    report(to, at, { kind: 'range', message: `Member must have value less than or equal to ${shape.max}` });
  }
}

function expect(to: Walk, at: At, { fits, what }: { fits: boolean; what: string }): void {
  if (!fits) mistyped(to, at, what);
}

function mistyped(to: Walk, at: At, what: string): void {
  report(to, at, { kind: 'type', message: `Member must be ${what}` });
}

function report(to: Walk, at: At, issue: Omit<Issue, 'path'>): void {
  const shown = typeof at.value === 'string' ? `'${at.value}'` : (JSON.stringify(at.value) ?? 'null');
  to.issues.push({
    path: at.path,
    kind: issue.kind,
    message: `Value ${shown} at '${at.path}' failed to satisfy constraint: ${issue.message}`,
  });
}

const matchers = new Map<string, RegExp>();

/** AWS's patterns are Java's and match the whole value. */
function matcher(pattern: string): RegExp {
  const known = matchers.get(pattern);
  if (known) return known;
  const made = compile(`^(?:${pattern})$`);
  matchers.set(pattern, made);
  return made;
}

/** Some of them hold escapes that only the older syntax takes. */
function compile(source: string): RegExp {
  try {
    return new RegExp(source, 'su');
  } catch {
    return new RegExp(source, 's');
  }
}

const isRecord = (value: Value): value is Record<string, Value> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
