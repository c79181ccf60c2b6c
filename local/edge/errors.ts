export type EdgeErrorCode = 'BodyTooLarge' | 'IdentityUnavailable' | 'NoCloud' | 'Usage' | 'BadFault';

/** Every failure of the edge's own; what callers are told is an {@link Answer}, never one of these. */
export class EdgeError extends Error {
  readonly code: EdgeErrorCode;

  constructor(code: EdgeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EdgeError';
    this.code = code;
  }
}
