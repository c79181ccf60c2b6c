import { join } from 'node:path';
import { expect } from 'vitest';
import { requireCloud } from '#local/cloud/cloud-file.ts';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { attempt } from '#local/hosts/exec.ts';
import type { Outcome } from '#local/hosts/exec.ts';
import type { AddOptions } from '#local/hosts/hosts.ts';
import type { ApiClient } from '#shared/client/client.ts';
import { edgeAdmin, storageTruth } from './admin.ts';
import { cloudHome } from './home.ts';
import { addTestHost } from './host.ts';
import type { TestHost } from './host.ts';
import { apiAs } from './people.ts';

/** The cloud that the files of one worker share, as one file uses it. */
export interface TestCloud {
  readonly file: CloudFile;
  readonly edge: ReturnType<typeof edgeAdmin>;
  readonly storage: ReturnType<typeof storageTruth>;
  /** The API as the CLI's own IAM user. */
  readonly api: ApiClient;
  /** `hivemind …` as `up` installed it; anything but exit code 0 fails the test. Gives trimmed stdout. */
  hivemind(...args: string[]): Promise<string>;
  /** `hivemind … --json`, parsed. */
  hivemindJson<T = unknown>(...args: string[]): Promise<T>;
  /** `hivemind …` to its end, whatever its exit code. */
  attemptHivemind(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** A host with agent and Docker, which `close` removes. */
  addHost(name: string, options?: AddOptions): Promise<TestHost>;
  /** A name that no other test uses. */
  unique(name: string): string;
  /** Switches faults off and removes the hosts of this file. */
  close(): Promise<void>;
}

let names = 0;

/** Joins the worker's cloud. Every file closes what it joined, also when it fails: call it in afterAll. */
export function joinCloud(): TestCloud {
  const file = requireCloud(cloudHome());
  const hosts: TestHost[] = [];
  const edge = edgeAdmin(file);
  const storage = storageTruth(file);
  const cli = join(file.home, 'bin', 'hivemind');
  const attemptHivemind: TestCloud['attemptHivemind'] = (args, env = {}) =>
    attempt(cli, args, {
      timeout: 150_000,
      env: { HOME: join(file.home, 'cli'), XDG_CONFIG_HOME: '', ...env },
    });
  const hivemind = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await attemptHivemind(args);
    expect(exitCode, `hivemind ${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
    return stdout.trim();
  };
  return {
    file,
    edge,
    storage,
    api: apiAs(file, file.cliUser ?? { accessKeyId: '', secretAccessKey: '' }),
    hivemind,
    hivemindJson: async <T>(...args: string[]) => JSON.parse(await hivemind(...args, '--json')) as T,
    attemptHivemind,
    addHost: async (name, options) => {
      const host = await addTestHost(file, name, options);
      hosts.push(host);
      return host;
    },
    unique: (name) => `${name}-${process.pid.toString(36)}-${(names++).toString(36)}`,
    close: async () => {
      await edge.clearFaults();
      await storage.clearFaults();
      for (const host of hosts) await host.remove();
    },
  };
}
