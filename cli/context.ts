import type { Api } from './api/api.ts';
import { readConfigFile } from './settings/config-file.ts';
import type { GlobalFlags } from './settings/flags.ts';
import { resolveSettings, type Settings } from './settings/settings.ts';
import type { World } from './world.ts';

/** What an action works with: the world, the resolved settings, the API. */
export interface Context {
  readonly world: World;
  readonly settings: Settings;
  readonly namespace: string;
  readonly api: Api;
  /** Results are printed as JSON. */
  readonly json: boolean;
}

export async function openContext(world: World, flags: GlobalFlags): Promise<Context> {
  const settings = resolveSettings(flags, world.env, readConfigFile(world.env));
  return {
    world,
    settings,
    namespace: settings.namespace.value,
    api: await world.connect(settings),
    json: wantsJson(flags),
  };
}

export function wantsJson(flags: GlobalFlags): boolean {
  return flags.json === true || flags.format === 'json';
}
