/** Structured log: one JSON object a line. Secrets are stripped here and nowhere else. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
export type LogFields = Readonly<Record<string, unknown>>;

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof levels)[number];

const secretKey = /secret|token|passw|authorization|credential|signature|access-?key/i;
const secretText = /((?:secret|token|password|signature|credential)[\w-]*\s*[=:]\s*)[^\s,;&"]+/gi;
const maxDepth = 6;

/** Replaces what may be a secret, by the name of its key or by its shape inside a text. */
export function stripSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(secretText, '$1***');
  if (value instanceof Error) return stripError(value, depth);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '…';
  if (Array.isArray(value)) return value.map((item: unknown) => stripSecrets(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      secretKey.test(key) && typeof item !== 'boolean' ? '***' : stripSecrets(item, depth + 1),
    ]),
  );
}

function stripError(error: Error, depth: number): unknown {
  return stripSecrets(
    {
      name: error.name,
      message: error.message,
      ...('code' in error ? { code: error.code } : {}),
      ...(error.cause === undefined ? {} : { cause: error.cause }),
    },
    depth + 1,
  );
}

export interface LogOptions {
  readonly level?: LogLevel;
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

export function jsonLog(options: LogOptions = {}): Log {
  const { level = 'info', now = () => new Date() } = options;
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const threshold = levels.indexOf(level);
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (levels.indexOf(name) < threshold) return;
      const entry = {
        time: now().toISOString(),
        level: name,
        message,
        ...(stripSecrets(fields) as LogFields),
      };
      write(`${JSON.stringify(entry)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const silentLog: Log = jsonLog({ write: () => undefined });
