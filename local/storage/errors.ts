/** An error as AWS sends it: code, HTTP status and text, plus the members that the service's error shape demands. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: AwsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.status = options.status ?? 400;
    this.members = options.members ?? {};
  }
}

interface AwsErrorOptions {
  readonly status?: number;
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The service itself is wrong or its machine refuses: never a caller's fault, always logged. */
export class StorageFault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StorageFault';
  }
}
