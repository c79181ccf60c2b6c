import { AwsError } from '../errors.ts';
import { parseEc2Query } from './ec2-query.ts';
import { writeEc2Answer, writeEc2Error } from './ec2-xml.ts';
import type { Operation, ServiceModel, ServiceName } from './model.ts';
import { matchRest, parseRest, type RestRequest, writeRest } from './rest-json.ts';
import type { Issue } from './validate.ts';

/** What goes back on the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Parsed {
  readonly operation: Operation;
  /** Read when called, so that the operation is known even when its input is bad. */
  readonly input: () => unknown;
}

/** How one service speaks: requests to typed input, answers and errors to bytes. */
export interface Protocol {
  parse(model: ServiceModel, request: RestRequest): Parsed;
  /** The error for a request that does not fit the model. */
  refusal(issue: Issue, all: readonly Issue[]): AwsError;
  answer(
    model: ServiceModel,
    operation: Operation,
    answer: { value: unknown; requestId: string },
  ): WireAnswer;
  error(error: AwsError, requestId: string): WireAnswer;
}

const ec2: Protocol = {
  parse(model, request) {
    const form = new URLSearchParams(request.body.toString('utf8'));
    for (const [key, value] of request.query) form.append(key, value);
    const name = form.get('Action');
    if (name === null) throw new AwsError('MissingAction', 'The request must contain the parameter Action');
    const operation = Object.hasOwn(model.operations, name) ? model.operations[name] : undefined;
    if (!operation)
      throw new AwsError('InvalidAction', `The action ${name} is not valid for this web service.`);
    if (form.get('Version') !== model.metadata.apiVersion) {
      throw new AwsError(
        'NoSuchVersion',
        `The requested version (${form.get('Version') ?? ''}) of service AmazonEC2 does not exist`,
      );
    }
    return { operation, input: () => parseEc2Query(model, operation.input, form) };
  },
  refusal({ kind, path, message }) {
    if (kind === 'missing')
      return new AwsError('MissingParameter', `The request must contain the parameter ${path}`);
    if (kind === 'unknown')
      return new AwsError('UnknownParameter', `The parameter ${path} is not recognized`);
    return new AwsError('InvalidParameterValue', message);
  },
  answer: (model, operation, answer) => ({
    status: 200,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': answer.requestId },
    body: writeEc2Answer(model, operation, answer),
  }),
  error: (error, requestId) => ({
    status: error.status,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId },
    body: writeEc2Error(error, requestId),
  }),
};

/** EFS and Backup differ in the name of the member that holds the code. */
const restJson = (codeMember: 'ErrorCode' | 'Code', invalid: (kind: Issue['kind']) => string): Protocol => ({
  parse(model, request) {
    const match = matchRest(model, request);
    if (!match)
      throw new AwsError('UnknownOperationException', `No operation at ${request.method} ${request.path}`, {
        status: 404,
      });
    return { operation: match.operation, input: () => parseRest(model, match, request) };
  },
  refusal(first, all) {
    const texts = all.map(({ message }) => message).join('; ');
    return new AwsError(
      invalid(first.kind),
      `${all.length} validation error${all.length === 1 ? '' : 's'} detected: ${texts}`,
    );
  },
  answer(model, operation, { value, requestId }) {
    const { status, body } = writeRest(model, operation, value);
    return {
      status,
      headers: {
        ...(body === '' ? {} : { 'content-type': 'application/json' }),
        'x-amzn-requestid': requestId,
      },
      body,
    };
  },
  error: (error, requestId) => ({
    status: error.status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-requestid': requestId,
      'x-amzn-errortype': error.code,
    },
    body: JSON.stringify({
      ...error.members,
      [codeMember]: error.code,
      Message: error.message,
      message: error.message,
    }),
  }),
});

export const protocols: Readonly<Record<ServiceName, Protocol>> = {
  ec2,
  efs: restJson('ErrorCode', () => 'ValidationException'),
  backup: restJson('Code', (kind) =>
    kind === 'missing' ? 'MissingParameterValueException' : 'InvalidParameterValueException',
  ),
};
