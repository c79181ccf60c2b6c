/** Where a command writes to and asks questions. Results go to stdout, everything else to stderr. */
export interface Terminal {
  /** Writes one line, or several, to stdout. */
  out(text: string): void;
  /** Writes one line, or several, to stderr. */
  err(text: string): void;
  /** A person can answer: stdin and stderr are a terminal. */
  readonly asks: boolean;
  /** Asks a yes-or-no question; no is the default. Only where `asks` holds. */
  confirm(question: string): Promise<boolean>;
  /** Begins a progress display. */
  progress(title: string): Progress;
}

/** How far a long piece of work is; on a terminal a bar, elsewhere a line whenever the message changes. */
export interface Progress {
  /** @param percent 0 to 100 */
  report(percent: number, message: string): void;
  done(message: string): void;
  failed(message: string): void;
}
