/** What the CLI exits with; docs/user_guide.md lists them. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  refused: 5,
  timedOut: 6,
} as const;

interface CodeMeaning {
  /** HTTP status of the problem document. */
  readonly status: number;
  /** Exit code of the CLI. */
  readonly exit: number;
  /** Whether the same call may succeed later without anybody changing it. */
  readonly retryable: boolean;
  readonly title: string;
}

const { failed, usage, notFound, conflict, refused, timedOut } = exitCodes;

/** Every code that the API, the CLI and the Docker plugin speak. Codes are stable; wording is not. */
export const errorCodes = {
  InvalidInput: { status: 400, exit: usage, retryable: false, title: 'The request is not valid' },
  InvalidCursor: {
    status: 400,
    exit: usage,
    retryable: false,
    title: 'The cursor is not one that this listing gave',
  },
  NotSupported: { status: 400, exit: usage, retryable: false, title: 'Not supported by this release' },
  NotImplemented: { status: 501, exit: usage, retryable: false, title: 'Not part of this release' },
  AccessDenied: { status: 403, exit: refused, retryable: false, title: 'Not allowed' },
  StaleEpoch: { status: 403, exit: refused, retryable: false, title: 'The lease has moved on' },
  TicketRefused: { status: 403, exit: refused, retryable: false, title: 'No format ticket for this volume' },
  RouteNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such route' },
  MethodNotAllowed: {
    status: 405,
    exit: usage,
    retryable: false,
    title: 'The route does not take this method',
  },
  VolumeNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such volume' },
  HostNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such host' },
  OperationNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such operation' },
  BackupNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such backup' },
  PolicyNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such policy' },
  RunNotFound: { status: 404, exit: notFound, retryable: false, title: 'No such run' },
  BackupHeld: { status: 409, exit: refused, retryable: false, title: 'The backup is under a hold' },
  BackupInUse: { status: 409, exit: conflict, retryable: true, title: 'The backup is in use' },
  NameTaken: { status: 409, exit: conflict, retryable: false, title: 'The name is taken by another volume' },
  IdempotencyMismatch: {
    status: 409,
    exit: conflict,
    retryable: false,
    title: 'The idempotency key was used for another request',
  },
  VolumeBusy: { status: 409, exit: conflict, retryable: true, title: 'The volume is in use' },
  OperationInProgress: {
    status: 409,
    exit: conflict,
    retryable: true,
    title: 'Another operation on this volume is under way',
  },
  IllegalState: {
    status: 409,
    exit: conflict,
    retryable: false,
    title: 'The volume is not in a state for this',
  },
  VolumeProtected: { status: 409, exit: refused, retryable: false, title: 'The volume is protected' },
  HostDraining: { status: 409, exit: refused, retryable: false, title: 'The host is being drained' },
  LimitExceeded: { status: 409, exit: refused, retryable: false, title: 'A limit is reached' },
  UndoExpired: {
    status: 410,
    exit: notFound,
    retryable: false,
    title: 'The storage of this volume has been freed',
  },
  StaleRevision: {
    status: 412,
    exit: conflict,
    retryable: false,
    title: 'The volume has changed since you read it',
  },
  BodyTooLarge: { status: 413, exit: usage, retryable: false, title: 'The request body is too large' },
  UnsupportedMediaType: {
    status: 415,
    exit: usage,
    retryable: false,
    title: 'The request body must be JSON',
  },
  Conflict: {
    status: 409,
    exit: conflict,
    retryable: true,
    title: 'Somebody else changed this at the same time',
  },
  Throttled: { status: 429, exit: failed, retryable: true, title: 'Too many requests' },
  Internal: { status: 500, exit: failed, retryable: true, title: 'Something went wrong on our side' },
  StorageFailed: {
    status: 502,
    exit: failed,
    retryable: false,
    title: 'AWS could not carry out the storage operation',
  },
  Unavailable: {
    status: 503,
    exit: failed,
    retryable: true,
    title: 'A service we depend on does not answer',
  },
  DrillFailed: { status: 500, exit: failed, retryable: false, title: 'The backup did not pass its drill' },
  TimedOut: { status: 504, exit: timedOut, retryable: true, title: 'Not finished in time' },
  // Host-side only: never sent by the API.
  CommandFailed: { status: 500, exit: failed, retryable: true, title: 'A command on the host failed' },
  DeviceRefused: {
    status: 500,
    exit: refused,
    retryable: false,
    title: 'The device is not the one that was assigned',
  },
  PathRefused: {
    status: 400,
    exit: refused,
    retryable: false,
    title: 'The path is outside the allowed roots',
  },
  ArchiveRefused: {
    status: 400,
    exit: refused,
    retryable: false,
    title: 'The archive is not one that may be unpacked',
  },
  TransferFailed: {
    status: 502,
    exit: failed,
    retryable: true,
    title: 'The bytes did not arrive as they were sent',
  },
} as const satisfies Record<string, CodeMeaning>;

export type ErrorCode = keyof typeof errorCodes;

export interface ProductErrorOptions extends ErrorOptions {
  /** The value that was refused, as the caller wrote it. */
  readonly value?: unknown;
  /** What would have been accepted, for people. */
  readonly allowed?: string;
  /** What to do next, for people. */
  readonly hint?: string;
  /** Ids the error is about. */
  readonly about?: Readonly<Record<string, string>>;
  /** One entry per wrong field, for InvalidInput. */
  readonly issues?: readonly ProblemIssue[];
}

export interface ProblemIssue {
  readonly path: string;
  readonly message: string;
  readonly value?: unknown;
  readonly allowed?: string;
}

/** RFC 9457 problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly value?: unknown;
  readonly allowed?: string;
  readonly hint?: string;
  readonly about?: Readonly<Record<string, string>>;
  readonly issues?: readonly ProblemIssue[];
}

/** The one error class that crosses areas; everything is mapped by its code. */
export class ProductError extends Error {
  override readonly name = 'ProductError';
  readonly code: ErrorCode;
  readonly details: ProductErrorOptions;

  constructor(code: ErrorCode, message: string, options: ProductErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  toProblem(): Problem {
    const { value, allowed, hint, about, issues } = this.details;
    const { status, title, retryable } = errorCodes[this.code];
    return {
      type: `urn:hivemind:problem:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.message,
      retryable,
      ...(value === undefined ? {} : { value }),
      ...(allowed === undefined ? {} : { allowed }),
      ...(hint === undefined ? {} : { hint }),
      ...(about === undefined ? {} : { about }),
      ...(issues === undefined ? {} : { issues }),
    };
  }

  static fromProblem(problem: Problem): ProductError {
    const { value, allowed, hint, about, issues } = problem;
    return new ProductError(problem.code, problem.detail, {
      ...(value === undefined ? {} : { value }),
      ...(allowed === undefined ? {} : { allowed }),
      ...(hint === undefined ? {} : { hint }),
      ...(about === undefined ? {} : { about }),
      ...(issues === undefined ? {} : { issues }),
    });
  }
}

export function isProductError(error: unknown, ...codes: readonly ErrorCode[]): error is ProductError {
  return error instanceof ProductError && (codes.length === 0 || codes.includes(error.code));
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}
