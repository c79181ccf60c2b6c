/** What went wrong with a host of the local cloud; `code` is stable, the message is for the person at the terminal. */
export type HostErrorCode =
  | 'Usage'
  | 'HostNotFound'
  | 'HostBusy'
  | 'HostNotRunning'
  | 'CommandFailed'
  | 'StorageService'
  | 'TimedOut'
  | 'NoSubnet'
  | 'NotRoot';

/** Every failure of local/hosts and local/imds. */
export class HostError extends Error {
  readonly code: HostErrorCode;

  constructor(code: HostErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostError';
    this.code = code;
  }
}
