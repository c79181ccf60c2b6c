import type { AwsError } from '../errors.ts';
import { type Operation, type Ref, type ServiceModel, shapeOf } from './model.ts';

/** The answer of an EC2 call, as XML. */
export function writeEc2Answer(
  model: ServiceModel,
  operation: Operation,
  answer: { value: unknown; requestId: string },
): string {
  const inner = operation.output
    ? writeMembers(model, operation.output, answer.value)
    : '<return>true</return>';
  const space = `${model.metadata.xmlNamespace ?? ''}/`;
  return `${declaration}<${operation.name}Response xmlns="${space}"><requestId>${answer.requestId}</requestId>${inner}</${operation.name}Response>`;
}

/** An error as EC2 writes it. */
export function writeEc2Error(error: AwsError, requestId: string): string {
  return `${declaration}<Response><Errors><Error><Code>${escape(error.code)}</Code><Message>${escape(error.message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`;
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

function writeMembers(model: ServiceModel, ref: Ref, value: unknown): string {
  const members = shapeOf(model, ref).members ?? {};
  return Object.entries(value ?? {})
    .filter(([, child]) => child !== undefined && child !== null)
    .map(([name, child]) => {
      const member = members[name];
      if (member === undefined) return '';
      const tag = member.locationName ?? name;
      return `<${tag}>${write(model, member, child)}</${tag}>`;
    })
    .join('');
}

function write(model: ServiceModel, ref: Ref, value: unknown): string {
  const shape = shapeOf(model, ref);
  if (shape.type === 'structure') return writeMembers(model, ref, value);
  if (shape.type === 'list' && shape.member && Array.isArray(value)) {
    const { member } = shape;
    // Lists whose items the model gives no name are the query protocol's `member`s (SDK and botocore agree).
    const tag = member.locationName ?? 'member';
    return value.map((item) => `<${tag}>${write(model, member, item)}</${tag}>`).join('');
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return escape(String(value));
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;')
    .replaceAll('\n', '&#10;');
}
