import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { EdgeError } from './errors.ts';

/** What the edge needs to know of cloud.json. */
const CloudPart = z.object({
  region: z.string(),
  account: z.string(),
  ports: z.object({ aws: z.number(), api: z.number(), emulator: z.number(), storage: z.number() }),
  sockets: z.object({ edgeAdmin: z.string(), storageAdmin: z.string(), identity: z.string() }),
  edgeToken: z.string(),
  apiId: z.string().optional(),
});

export interface EdgeSettings {
  readonly region: string;
  readonly account: string;
  /** 0 lets the system choose (tests). */
  readonly ports: {
    readonly aws: number;
    readonly api: number;
    readonly emulator: number;
    readonly storage: number;
  };
  readonly adminSocket: string;
  readonly identitySocket: string;
  readonly storageAdminSocket: string;
  /** What the storage service demands from who speaks to it. */
  readonly edgeToken: string;
  /** The API at the root of the API port; asked for at each call, since a deployment sets it. */
  readonly apiId: () => string | undefined;
  /** Milliseconds that an API call may take. @default 30,000, API Gateway's */
  readonly apiTimeout?: number;
}

/** @throws EdgeError NoCloud */
export function settingsOf(home: string): EdgeSettings {
  const path = join(home, 'cloud.json');
  const cloud = read(path);
  return {
    region: cloud.region,
    account: cloud.account,
    ports: cloud.ports,
    adminSocket: join(home, cloud.sockets.edgeAdmin),
    identitySocket: join(home, cloud.sockets.identity),
    storageAdminSocket: join(home, cloud.sockets.storageAdmin),
    edgeToken: cloud.edgeToken,
    apiId: followed(path),
  };
}

/** The API's id as the file has it now; the file is read again when it changed. */
function followed(path: string): () => string | undefined {
  let known: { readonly version: number; readonly apiId: string | undefined } | undefined;
  return () => {
    const version = statSync(path).mtimeMs;
    if (known?.version !== version) known = { version, apiId: read(path).apiId };
    return known.apiId;
  };
}

function read(path: string): z.infer<typeof CloudPart> {
  try {
    return CloudPart.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new EdgeError('NoCloud', `${path} does not describe a local cloud`, { cause });
  }
}
