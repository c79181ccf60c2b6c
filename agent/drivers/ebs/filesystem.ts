import { ProductError } from '#shared/model/errors.ts';
import type { FilesystemType } from '#shared/model/volume.ts';
import type { Blocks, HeldDevice } from '#agent/host/blocks.ts';
import type { Exec } from '#agent/host/exec.ts';

/** What is made on a device, under the UUID that the ticket named in advance. */
export interface Format {
  readonly type: FilesystemType;
  readonly uuid: string;
}

/** The filesystems' own tools. */
export interface Filesystems {
  make(device: HeldDevice, format: Format): Promise<void>;
  /** `clean`: ours and whole. `incomplete`: our UUID, never finished. `other`: something else is there. `none`: nothing is. */
  inspect(device: HeldDevice, format: Format): Promise<'none' | 'clean' | 'incomplete' | 'other'>;
  /** Takes our own unfinished format away, so that mkfs needs no force. */
  wipe(device: HeldDevice): Promise<void>;
  thaw(path: string): Promise<void>;
  /** Stops every read and write of the filesystem that shows at `path`, at once and for good. */
  shutdown(path: string): Promise<void>;
}

const mkfsTimeoutMs = 30 * 60_000;
const fsckTimeoutMs = 60 * 60_000;

export function systemFilesystems(exec: Exec, blocks: Blocks): Filesystems {
  return {
    async make({ path }, { type, uuid }) {
      // Never -F or -f. mkfs.ext4 without a terminal overwrites all the same (measured): the caller has looked first.
      const args = type === 'ext4' ? ['-q', '-m', '0', '-U', uuid, path] : ['-q', '-m', `uuid=${uuid}`, path];
      await exec.run(`mkfs.${type}`, args, { timeoutMs: mkfsTimeoutMs });
    },
    inspect: async (device, format) => inspect({ exec, blocks }, device, format),
    async wipe({ path }) {
      await exec.run('wipefs', ['--all', path]);
    },
    async thaw(path) {
      // 1: it was not frozen. There is no way to ask.
      await exec.run('fsfreeze', ['--unfreeze', path], { accept: [0, 1] });
    },
    async shutdown(path) {
      // ioctl 0x8004587D without a flush of the log, as ext4 and XFS both know it (measured on 6.18).
      await exec.run('xfs_io', ['-x', '-F', '-c', 'shutdown', path]);
    },
  };
}

async function inspect(
  { exec, blocks }: { exec: Exec; blocks: Blocks },
  { path }: HeldDevice,
  { type, uuid }: Format,
): Promise<'none' | 'clean' | 'incomplete' | 'other'> {
  const found = await blocks.signature(path);
  if (found === undefined) return (await blocks.contents(path)).length === 0 ? 'none' : 'other';
  if (found.type !== type || found.uuid !== uuid) return 'other';
  if (type === 'ext4' && (await wasMounted(exec, path))) return 'other';
  return (await isClean(exec, path, type)) ? 'clean' : 'incomplete';
}

async function isClean(exec: Exec, path: string, type: FilesystemType): Promise<boolean> {
  const accept = Array.from({ length: 256 }, (_, code) => code);
  const options = { timeoutMs: fsckTimeoutMs, accept };
  const check = type === 'ext4' ? ['e2fsck', '-f', '-n', path] : ['xfs_repair', '-n', path];
  const [file = '', ...args] = check;
  return (await exec.run(file, args, options)).code === 0;
}

/** ext4 counts its mounts; XFS does not, there the control plane's word stands alone. */
async function wasMounted(exec: Exec, path: string): Promise<boolean> {
  const { stdout } = await exec.run('dumpe2fs', ['-h', path], { accept: [0, 1] });
  const count = /^Mount count:\s+(\d+)/m.exec(stdout)?.[1];
  return count !== undefined && count !== '0';
}

export function refuseContents(device: HeldDevice, found: readonly string[]): ProductError {
  return new ProductError(
    'DeviceRefused',
    `${device.serial} was to be formatted, but it is not empty: ${found.join('; ')}.`,
    { hint: 'Nothing was written. Look at what is on it; create a new volume for new data.' },
  );
}
