/** The machine as the doctor sees it; tests give their own. */
export interface System {
  /** Runs a program; `timedOut` when it had to be left behind. Never rejects. */
  run(command: string, args: readonly string[], timeout: number): Promise<Ran>;
  /** Contents of a file, or undefined when it cannot be read. */
  read(path: string): string | undefined;
  /** What is at a path, or undefined when nothing is. */
  stat(path: string): Stat | undefined;
  /** Sends a request, over a unix socket when one is given; undefined when nothing answers in time. */
  request(request: PlainRequest): Promise<Answer | undefined>;
  readonly uid: number;
}

export interface Ran {
  /** Exit code; undefined when it did not end by itself, or is not there. */
  readonly code: number | undefined;
  readonly missing: boolean;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Stat {
  readonly kind: 'directory' | 'socket' | 'file' | 'other';
  readonly uid: number;
  /** Permission bits only. */
  readonly mode: number;
}

export interface PlainRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly socket?: string;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}
