/** One line of JSON per event on the standard error stream, or wherever a test wants it. */
export interface Log {
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
}

export function streamLog(stream: { write(text: string): unknown } = process.stderr): Log {
  const line =
    (level: string) =>
    (message: string, details: Readonly<Record<string, unknown>> = {}) =>
      void stream.write(
        `${JSON.stringify({ time: new Date().toISOString(), level, message, ...details })}\n`,
      );
  return { info: line('INFO'), error: line('ERROR') };
}
