import type { MountEntry } from '#agent/host/mounts.ts';
import { isProductError } from '#shared/model/errors.ts';
import { freezable, type FreezeRules } from './freezable.ts';
import type { FreezePorts } from './freezer.ts';

/**
 * For the start of the agent: thaws what stayed frozen on volumes' mounts (the watchdog was killed too, say). There is no way to
 * ask the kernel, so each is told to thaw. What we would not freeze is left alone: its freeze is somebody else's.
 * @returns the mountpoints that were frozen. Failures are logged: the agent starts all the same.
 */
export async function thawLeftovers(ports: Omit<FreezePorts, 'startWatchdog'>): Promise<string[]> {
  const rules = { stages: ports.stages, spared: await ports.spared() };
  const entries = await ports.mounts.list();
  const thawed: string[] = [];
  for (const entry of entries.filter((one) => isFreezable(one, rules, entries))) {
    if (await thaw(ports, entry.mountpoint)) thawed.push(entry.mountpoint);
  }
  return thawed;
}

function isFreezable(
  { mountpoint: path, device }: MountEntry,
  rules: FreezeRules,
  entries: readonly MountEntry[],
): boolean {
  try {
    freezable({ path, device }, rules, entries);
    return true;
  } catch (error) {
    if (isProductError(error, 'PathRefused')) return false;
    throw error;
  }
}

async function thaw({ exec, log }: Pick<FreezePorts, 'exec' | 'log'>, path: string): Promise<boolean> {
  try {
    const { code, stderr } = await exec.run('fsfreeze', ['--unfreeze', path], { accept: [0, 1] });
    if (code === 0) log.warn('thawed what was left frozen', { path });
    // EINVAL: it was not frozen.
    else if (!stderr.includes('Invalid argument')) log.error('may be frozen', { path, stderr });
    return code === 0;
  } catch (error) {
    log.error('may be frozen', { path, error });
    return false;
  }
}
