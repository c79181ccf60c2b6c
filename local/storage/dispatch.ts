import { setTimeout as delay } from 'node:timers/promises';
import type { CallLog } from './call-log.ts';
import { idsIn } from './call-log.ts';
import { type Call, type Cloud, type Handler, faultOf } from './cloud.ts';
import { AwsError } from './errors.ts';
import type { Fault, Faults } from './faults.ts';
import type { Operation, ServiceModels, ServiceName } from './wire/model.ts';
import { protocols, type WireAnswer } from './wire/protocols.ts';
import type { Answerer, WireRequest } from './wire/server.ts';
import { validate } from './wire/validate.ts';

interface Parts {
  readonly cloud: Cloud;
  readonly models: ServiceModels;
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly operations: Readonly<Record<ServiceName, Readonly<Record<string, Handler>>>>;
  /** Told of every answer that is not what AWS's model says. */
  readonly onInvalidAnswer: (text: string) => void;
}

/** What is known of a call so far, for its record. */
interface Trace {
  action: string;
  input: unknown;
  faults: readonly Fault[];
}

/** From a request on the wire to its answer: parse, validate, inject faults, carry out, validate, write. */
export function answererOf(parts: Parts): Answerer {
  return async (request) => {
    const trace: Trace = { action: '', input: undefined, faults: [] };
    const protocol = protocols[request.service];
    let answer: WireAnswer | 'reset';
    let errorCode: string | undefined;
    try {
      answer = await carryOut(parts, request, trace);
    } catch (error) {
      const shown = asAwsError(parts.cloud, error);
      errorCode = shown.code;
      answer = protocol.error(shown, request.requestId);
    }
    // A caller that is cut off does not learn whether its call was carried out, nor that it failed.
    if (trace.faults.some(({ kind }) => kind === 'reset-after-commit')) answer = 'reset';
    record(parts.calls, { request, trace, errorCode, status: answer === 'reset' ? 0 : answer.status });
    return answer;
  };
}

async function carryOut(parts: Parts, request: WireRequest, trace: Trace): Promise<WireAnswer | 'reset'> {
  const { cloud, models } = parts;
  const model = models[request.service];
  const protocol = protocols[request.service];
  const { operation, input: read } = protocol.parse(model, request);
  trace.action = operation.name;
  const input = (trace.input = read());
  checkInput(parts, request, { operation, input });
  const faults = (trace.faults = parts.faults.strike({
    service: request.service,
    action: operation.name,
    appId: request.appId,
    ids: idsIn(input),
  }));
  if (faults.some(({ kind }) => kind === 'reset-before')) return 'reset';
  await injectBefore(request.service, faults);
  const handler = handlerOf(parts, request.service, operation);
  if (isDryRun(input))
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', {
      status: 412,
    });
  const value = await handler(cloud, callOf(cloud, request, faults), input as never);
  checkAnswer(parts, { service: request.service, operation, value });
  return protocol.answer(model, operation, { value, requestId: request.requestId });
}

function checkInput(
  { models }: Parts,
  { service }: WireRequest,
  { operation, input }: { operation: Operation; input: unknown },
): void {
  const issues = operation.input ? validate(models[service], operation.input, input) : [];
  if (issues[0]) throw protocols[service].refusal(issues[0], issues);
}

function checkAnswer(
  parts: Parts,
  { service, operation, value }: { service: ServiceName; operation: Operation; value: unknown },
): void {
  const issues = operation.output ? validate(parts.models[service], operation.output, value ?? {}) : [];
  if (issues.length === 0) return;
  const text = `${operation.name}: ${issues.map(({ message }) => message).join('; ')}`;
  parts.onInvalidAnswer(text);
  parts.cloud.log.error('An answer is not what the service model says', { answer: text });
  throw new AwsError('InternalError', 'An internal error has occurred', { status: 500 });
}

async function injectBefore(service: ServiceName, faults: readonly Fault[]): Promise<void> {
  for (const fault of faults) {
    if (fault.kind === 'latency') await delay(fault.ms);
    if (fault.kind === 'throttle') throw throttled[service]();
    if (fault.kind === 'internal-error')
      throw new AwsError(
        service === 'efs' ? 'InternalServerError' : 'InternalError',
        'An internal error has occurred',
        { status: 500 },
      );
    if (fault.kind === 'error')
      throw new AwsError(fault.code, `Injected: ${fault.code}`, { status: fault.status });
  }
}

const throttled: Readonly<Record<ServiceName, () => AwsError>> = {
  ec2: () => new AwsError('RequestLimitExceeded', 'Request limit exceeded.', { status: 503 }),
  efs: () => new AwsError('ThrottlingException', 'Rate exceeded', { status: 429 }),
  backup: () => new AwsError('ThrottlingException', 'Rate exceeded', { status: 400 }),
};

function handlerOf({ operations }: Parts, service: ServiceName, { name }: Operation): Handler {
  const handler = Object.hasOwn(operations[service], name) ? operations[service][name] : undefined;
  if (!handler) throw new AwsError('UnsupportedOperation', `${name} is not offered by this storage service`);
  return handler;
}

const isDryRun = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && 'DryRun' in input && input.DryRun === true;

function callOf(cloud: Cloud, request: WireRequest, faults: readonly Fault[]): Call {
  const base = {
    region: request.region ?? cloud.settings.region,
    account: cloud.settings.account,
    principal: request.principal,
    requestId: request.requestId,
    faults,
  };
  const call = { ...base, view: cloud.store };
  const stale = faultOf(call, 'stale-reads');
  return stale ? { ...call, view: cloud.store.asOf(Date.now() - stale.ms) } : call;
}

function asAwsError(cloud: Cloud, error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  cloud.log.error('A call failed', {
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new AwsError('InternalError', 'An internal error has occurred', { status: 500, cause: error });
}

function record(
  calls: CallLog,
  done: { request: WireRequest; trace: Trace; errorCode: string | undefined; status: number },
): void {
  const { request, trace, errorCode, status } = done;
  const token = (trace.input as { ClientToken?: unknown } | undefined)?.ClientToken;
  calls.add({
    service: request.service,
    region: request.region ?? '',
    principal: request.principal,
    appId: request.appId,
    action: trace.action,
    ids: idsIn(trace.input),
    clientToken: typeof token === 'string' ? token : undefined,
    status,
    errorCode,
    faults: trace.faults.map(({ id }) => id),
  });
}
