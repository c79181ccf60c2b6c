import type { FaultKind } from './faults.ts';
import { errorAnswer, type Protocol, type ServiceError } from './http/errors.ts';
import type { Answer } from './http/answer.ts';
import { own } from './own.ts';

/** How each service says that it is asked too often; the SDKs take all of these for throttling. */
const throttles: Readonly<Record<string, ServiceError>> = {
  ec2: { status: 503, code: 'RequestLimitExceeded', message: 'Request limit exceeded.' },
  s3: { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
  lambda: { status: 429, code: 'TooManyRequestsException', message: 'Rate Exceeded.' },
  elasticfilesystem: { status: 429, code: 'ThrottlingException', message: 'Rate exceeded' },
  backup: { status: 429, code: 'ThrottlingException', message: 'Rate exceeded' },
  dynamodb: {
    status: 400,
    code: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
    message: 'The level of configured provisioned throughput for the table was exceeded.',
  },
  'execute-api': { status: 429, code: 'TooManyRequestsException', message: 'Too Many Requests' },
};
const throttle: ServiceError = { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' };

const internals: Readonly<Record<string, ServiceError>> = {
  ec2: { status: 500, code: 'InternalError', message: 'An internal error has occurred' },
  s3: { status: 500, code: 'InternalError', message: 'We encountered an internal error. Please try again.' },
  dynamodb: {
    status: 500,
    code: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
    message: 'Internal server error',
  },
  'execute-api': { status: 500, code: 'InternalFailure', message: 'Internal Server Error' },
};
const internal: ServiceError = {
  status: 500,
  code: 'InternalFailure',
  message: 'An internal error occurred',
};

interface FaultyCall {
  readonly service: string;
  readonly action: string;
  readonly protocol: Protocol;
}

/** The error answer that a fault gives in place of carrying the call out; undefined for faults of another nature. */
export function faultAnswer(kind: FaultKind, { service, action, protocol }: FaultyCall): Answer | undefined {
  if (kind === 'throttle') return errorAnswer(protocol, own(throttles, service) ?? throttle);
  if (kind === 'internal-error') return errorAnswer(protocol, own(internals, service) ?? internal);
  if (kind === 'transaction-conflict') return errorAnswer(protocol, conflict(action));
  return undefined;
}

/** What DynamoDB answers when another transaction holds an item: a single write and a transaction say it differently. */
function conflict(action: string): ServiceError {
  const prefix = 'com.amazonaws.dynamodb.v20120810#';
  if (!action.startsWith('Transact')) {
    const message = 'Transaction is ongoing for the item';
    return { status: 400, code: `${prefix}TransactionConflictException`, message };
  }
  return {
    status: 400,
    code: `${prefix}TransactionCanceledException`,
    message:
      'Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]',
    detail: {
      CancellationReasons: [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }],
    },
  };
}
