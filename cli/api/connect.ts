import { createClient } from '#shared/client/client.ts';
import { credentialsOf } from '../settings/credentials.ts';
import type { Settings } from '../settings/settings.ts';
import type { Api } from './api.ts';

export function connect(settings: Settings): Api {
  return createClient({
    endpoint: settings.endpoint.value,
    region: settings.region.value,
    credentials: credentialsOf(settings.credentials),
  });
}
