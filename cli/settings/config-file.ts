import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The config file: every field optional, unknown ones refused so that a typing error is seen. */
export const ConfigFile = z.strictObject({
  endpoint: z.url().optional(),
  region: z.string().min(1).optional(),
  namespace: z.string().min(1).optional(),
  profile: z.string().min(1).optional(),
  credentials: z
    .strictObject({
      accessKeyId: z.string().min(1),
      secretAccessKey: z.string().min(1),
      sessionToken: z.string().min(1).optional(),
    })
    .optional(),
});
export type ConfigFile = z.infer<typeof ConfigFile>;

/** `$HIVEMIND_CONFIG`, or `hivemind/config.json` under `$XDG_CONFIG_HOME` or `~/.config`. */
export function configPath(env: Env): string | undefined {
  const { HIVEMIND_CONFIG: own, XDG_CONFIG_HOME: xdg, HOME: home } = env;
  if (own !== undefined && own !== '') return own;
  if (xdg !== undefined && xdg !== '') return path.join(xdg, 'hivemind', 'config.json');
  return home === undefined || home === ''
    ? undefined
    : path.join(home, '.config', 'hivemind', 'config.json');
}

/**
 * Reads the config file; a missing one is empty, unless `$HIVEMIND_CONFIG` names it.
 * @throws ProductError InvalidInput when it is not valid, AccessDenied when others may read the key in it.
 */
export function readConfigFile(env: Env): ConfigFile {
  const file = configPath(env);
  if (file === undefined) return {};
  const text = readIfThere(file);
  if (text === undefined) {
    if (file === env['HIVEMIND_CONFIG']) throw missing(file);
    return {};
  }
  const config = parse(file, text);
  if (config.credentials !== undefined) demandPrivate(file);
  return config;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ProductError('InvalidInput', `The config file ${file} cannot be read.`, {
      cause: error,
      value: file,
      hint: 'Make it readable to you, or name another with HIVEMIND_CONFIG.',
    });
  }
}

function missing(file: string): ProductError {
  return new ProductError('InvalidInput', `There is no config file at ${file}.`, {
    value: file,
    hint: 'HIVEMIND_CONFIG names it: correct or unset that variable.',
  });
}

function parse(file: string, text: string): ConfigFile {
  const result = ConfigFile.safeParse(jsonOf(file, text));
  if (result.success) return result.data;
  throw new ProductError('InvalidInput', `The config file ${file} is not valid.`, {
    allowed: 'endpoint, region, namespace, profile, credentials {accessKeyId, secretAccessKey, sessionToken}',
    hint: `Correct ${file}.`,
    issues: result.error.issues.map(({ path: at, message }) => ({ path: at.join('.'), message })),
  });
}

function jsonOf(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ProductError('InvalidInput', `The config file ${file} is not JSON.`, {
      cause: error,
      hint: `Correct ${file}.`,
    });
  }
}

/** ssh's rule: a file with a secret in it is for its owner alone. */
function demandPrivate(file: string): void {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  throw new ProductError('AccessDenied', `Others may read the credentials in ${file}.`, {
    value: `mode ${mode.toString(8)}`,
    allowed: 'mode 600',
    hint: `Run: chmod 600 ${file}`,
  });
}
