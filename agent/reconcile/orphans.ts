import { basename, dirname } from 'node:path';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { MountEntry, Mounts } from '#agent/host/mounts.ts';
import type { Users } from '#agent/host/users.ts';
import type { Log } from '#agent/log.ts';
import type { Places } from './view.ts';

export interface OrphanPorts {
  readonly places: Places;
  readonly mounts: Mounts;
  readonly users: Users;
  readonly exec: Exec;
  readonly log: Log;
}

/**
 * Contract 6: mounts of ours that neither the control plane nor a record knows (the record was lost, say). What nothing
 * uses is unmounted; what something uses is left and named in the log.
 */
export async function sweepOrphans(ports: OrphanPorts, volumes: () => ReadonlySet<string>): Promise<void> {
  const { places, mounts, users, log } = ports;
  const entries = await mounts.list();
  // In this order: a record is written before its mount, so that one that has just been made is known.
  const known = volumes();
  for (const stage of entries) {
    if (dirname(stage.mountpoint) !== places.stages || known.has(basename(stage.mountpoint))) continue;
    const holders = await users.of({ device: stage.device, root: stage.root });
    if (holders.length > 0)
      log.warn('a mount that nobody knows is in use', { path: stage.mountpoint, holders });
    else await unmountAll(ports, entries, stage);
  }
}

async function unmountAll(
  { places, mounts, exec, log }: OrphanPorts,
  entries: readonly MountEntry[],
  stage: MountEntry,
): Promise<void> {
  const name = basename(stage.mountpoint);
  const shown = entries.filter(
    ({ mountpoint, device }) => dirname(mountpoint) === places.volumes && device === stage.device,
  );
  // Frozen or not: a frozen ext4 would stay frozen behind its umount.
  await exec.run('fsfreeze', ['--unfreeze', stage.mountpoint], { accept: [0, 1] });
  for (const { mountpoint } of [...shown, stage]) {
    await unmount(mounts, mountpoint, { name });
    await removeEmpty(mountpoint);
  }
  log.warn('unmounted what nobody knows', { path: stage.mountpoint });
}
