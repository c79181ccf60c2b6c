import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listHosts } from '#local/hosts/host-file.ts';
import { parkHost, removeHost } from '#local/hosts/hosts.ts';
import { withLock } from '#local/hosts/lock.ts';
import { attempt } from '#local/hosts/exec.ts';
import { unlinkCli } from './cli-user.ts';
import { readCloud } from './cloud-file.ts';
import type { Progress } from './progress.ts';
import { stopService } from './services.ts';
import { leaveThisHost, requireIdle } from './this-host.ts';

interface DownOptions {
  readonly home: string;
  readonly progress: Progress;
}

/** In the order in which they may go: who calls, before who is called. */
const services = ['agent-local', 'imds-local', 'edge', 'emulator', 'storage'] as const;

/** Stops the local cloud; its state stays. Its hosts end with it, and the next `up` boots those that nobody had stopped. Idempotent. */
export async function down({ home, progress }: DownOptions): Promise<void> {
  if (!existsSync(home)) return;
  await withLock(`cloud ${home}`, async () => {
    const cloud = readCloud(home);
    if (cloud) {
      for (const { name } of listHosts(home))
        await progress.step(`host ${name}`, () => parkHost(cloud, name));
    }
    await stopAll(home, progress);
  });
}

/**
 * Stops the local cloud and wipes its state. What was made once for all clouds (the cache) stays.
 * @throws CloudError InUse, before anything is changed, while a container of this machine uses a volume
 */
export async function reset({ home, progress }: DownOptions): Promise<void> {
  if (!existsSync(home)) return;
  await withLock(`cloud ${home}`, async () => {
    requireIdle(home);
    const cloud = readCloud(home);
    if (cloud) {
      for (const { name } of listHosts(home))
        await progress.step(`host ${name}`, () => removeHost(cloud, name));
    }
    await stopService(home, 'agent-local', 30_000);
    await leaveThisHost(home);
    await stopAll(home, progress);
    unlinkCli(home);
    for (const name of readdirSync(home).filter((each) => each !== 'cache')) {
      rmSync(join(home, name), { recursive: true, force: true });
    }
    progress.line(`  wiped ${home}`);
  });
}

async function stopAll(home: string, progress: Progress): Promise<void> {
  for (const name of services) await progress.step(name, () => stopService(home, name, 15_000));
  // The storage service leaves its filesystem mounted, so that a killed service loses no device; without it nobody needs it.
  await attempt('umount', [join(home, 'storage', 'disk')]);
}
