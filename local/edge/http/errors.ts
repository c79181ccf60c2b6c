import { randomBytes, randomUUID } from 'node:crypto';
import { json, type Answer } from './answer.ts';

/** How a service speaks on the wire, as far as its errors differ. */
export type Protocol = 'ec2' | 'query' | 'json' | 'rest-json' | 's3' | 'api';

export interface ServiceError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Further members of a JSON error. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** An error as the service of that protocol puts it. */
export function errorAnswer(protocol: Protocol, error: ServiceError): Answer {
  return shapes[protocol](error, randomUUID());
}

const shapes: Readonly<Record<Protocol, (error: ServiceError, requestId: string) => Answer>> = {
  ec2: ({ status, code, message }, id) =>
    xml(
      status,
      `<Response><Errors><Error><Code>${code}</Code><Message>${escape(message)}</Message></Error></Errors><RequestID>${id}</RequestID></Response>`,
    ),
  query: ({ status, code, message }, id) =>
    xml(
      status,
      `<ErrorResponse><Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${escape(message)}</Message></Error><RequestId>${id}</RequestId></ErrorResponse>`,
    ),
  s3: ({ status, code, message }, id) =>
    xml(
      status,
      `<Error><Code>${code}</Code><Message>${escape(message)}</Message><RequestId>${id}</RequestId></Error>`,
    ),
  json: ({ status, code, message, detail }, id) =>
    json(
      status,
      { __type: code, message, ...detail },
      { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': id, 'x-amzn-errortype': code },
    ),
  'rest-json': ({ status, code, message, detail }, id) =>
    json(status, { message, ...detail }, { 'x-amzn-requestid': id, 'x-amzn-errortype': code }),
  api: ({ status, message }) => apiAnswer(status, message),
};

/** An HTTP API's own answer: one sentence, and its request id (16 characters). */
export function apiAnswer(status: number, message: string): Answer {
  return json(status, { message }, { 'apigw-requestid': randomBytes(12).toString('base64url') });
}

const xml = (status: number, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/xml;charset=UTF-8' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
});

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (found) => entities[found] ?? found);

/** The protocol of a service's call. */
export function protocolOf(
  service: string,
  { target, form }: { target: string | undefined; form: unknown },
): Protocol {
  if (service === 'ec2' || service === 's3') return service;
  if (service === 'execute-api') return 'api';
  if (target !== undefined) return 'json';
  return form === undefined ? 'rest-json' : 'query';
}
