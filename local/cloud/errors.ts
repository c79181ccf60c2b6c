/** What went wrong with the local cloud; the message is for the person at the terminal. */
export type CloudErrorCode =
  'Usage' | 'Prerequisite' | 'NotUp' | 'InUse' | 'PortTaken' | 'ProcessFailed' | 'DeployFailed' | 'TimedOut';

export class CloudError extends Error {
  readonly code: CloudErrorCode;

  constructor(code: CloudErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CloudError';
    this.code = code;
  }
}
