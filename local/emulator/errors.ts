export type EmulatorErrorCode = 'VenvFailed' | 'NotReady';

/** Every failure to make, start or stop the emulator; the message ends with what it said itself. */
export class EmulatorError extends Error {
  readonly code: EmulatorErrorCode;

  constructor(code: EmulatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmulatorError';
    this.code = code;
  }
}
