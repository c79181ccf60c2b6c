import * as z from 'zod';
import { ProductError, type ProductErrorOptions } from '#shared/model/errors.ts';
import type { VolumeCalls } from './volumes.ts';

/** Docker's volume plugin protocol, version 1.0. Source: docs.docker.com/engine/extend/plugins_volume. */
const Named = z.object({ Name: z.string().min(1) });
const Creating = Named.extend({ Opts: z.record(z.string(), z.string()).nullish() });
const Using = Named.extend({ ID: z.string().default('') });

type Answer = Readonly<Record<string, unknown>>;
export type PluginCall = (body: unknown) => Promise<Answer>;

/** By path. Docker reads `Err` for people and takes "" for success. */
export function pluginCalls(volumes: VolumeCalls): Readonly<Record<string, PluginCall>> {
  return {
    '/Plugin.Activate': () => Promise.resolve({ Implements: ['VolumeDriver'] }),
    '/VolumeDriver.Capabilities': () => Promise.resolve({ Capabilities: { Scope: 'global' } }),
    '/VolumeDriver.Create': async (body) => {
      const { Name, Opts } = parse(Creating, body);
      await volumes.create(Name, Opts ?? {});
      return {};
    },
    '/VolumeDriver.Get': async (body) => ({ Volume: await volumes.get(parse(Named, body).Name) }),
    '/VolumeDriver.List': async () => ({ Volumes: await volumes.list() }),
    '/VolumeDriver.Path': async (body) => ({ Mountpoint: await volumes.path(parse(Named, body).Name) }),
    '/VolumeDriver.Mount': async (body) => {
      const { Name, ID } = parse(Using, body);
      return { Mountpoint: await volumes.mount(Name, ID) };
    },
    '/VolumeDriver.Unmount': async (body) => {
      const { Name, ID } = parse(Using, body);
      await volumes.unmount(Name, ID);
      return {};
    },
    '/VolumeDriver.Remove': async (body) => {
      await volumes.remove(parse(Named, body).Name);
      return {};
    },
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  // Docker repeats a call whose answer was lost with an empty body: measured on 20.10.
  throw new ProductError('InvalidInput', 'Docker asked without naming a volume.', {
    hint: 'An answer was lost on the way; start the container again.',
  });
}

/** One clear sentence or two: what is wrong, what would be right, what to do. */
export function errText(error: unknown): string {
  if (!(error instanceof ProductError)) {
    return `The Hivemind agent failed: ${error instanceof Error ? error.message : String(error)}. Its log says more.`;
  }
  const { allowed, hint, issues = [] }: ProductErrorOptions = error.details;
  const wrong = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return [
    wrong === '' ? error.message : `${error.message.replace(/\.$/, '')}: ${wrong}.`,
    ...(allowed === undefined ? [] : [`Allowed: ${allowed}.`]),
    ...(hint === undefined ? [] : [hint]),
  ].join(' ');
}
