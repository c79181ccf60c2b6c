import type { Blocks, BlockDevice } from '#agent/host/blocks.ts';
import type { Filesystems } from '#agent/drivers/ebs/filesystem.ts';
import type { Exec, ExecOptions } from '#agent/host/exec.ts';
import type { MountEntry, Mounts } from '#agent/host/mounts.ts';

/** A mount table in memory: mounts and binds add an entry, unmount takes the last one of its path away. */
export function fakeMounts(): Mounts & { readonly entries: MountEntry[]; readonly calls: unknown[] } {
  const entries: MountEntry[] = [];
  const calls: unknown[] = [];
  const add = (mountpoint: string, source: string, fstype: string): void => {
    entries.push({ device: '7:0', root: '/', mountpoint, options: [], peers: [], fstype, source });
  };
  return {
    entries,
    calls,
    list: () => Promise.resolve([...entries]),
    mount: (request) => {
      calls.push({ mount: request });
      add(request.target, request.source, request.fstype);
      return Promise.resolve();
    },
    bind: (source, target) => {
      calls.push({ bind: source, target });
      add(target, source, 'none');
      return Promise.resolve();
    },
    remount: (target, options) => {
      calls.push({ remount: target, options });
      return Promise.resolve();
    },
    unmount: (target) => {
      calls.push({ unmount: target });
      const index = entries.findLastIndex(({ mountpoint }) => mountpoint === target);
      if (index >= 0) entries.splice(index, 1);
      return Promise.resolve();
    },
  };
}

export interface FakeDisk {
  /** What libblkid would find. */
  signature?: { type: string; uuid: string };
  /** What speaks against emptiness beyond that. */
  bytes: string[];
  free: boolean;
  state: 'clean' | 'incomplete' | 'other';
}

export const fakeDevice: BlockDevice = {
  path: '/dev/nvme1n1',
  serial: 'vol0123456789abcdef0',
  number: '259:1',
  sizeBytes: 2 ** 30,
};

/** One disk, and the tools over it; `made` and `wiped` tell what was written. */
export function fakeBlocks(disk: FakeDisk): { blocks: Blocks; filesystems: Filesystems; writes: string[] } {
  const writes: string[] = [];
  const blocks: Blocks = {
    find: () => Promise.resolve(fakeDevice),
    hold: (device) => Promise.resolve({ ...device, close: () => Promise.resolve() }),
    contents: () =>
      Promise.resolve([
        ...(disk.signature === undefined ? [] : [`blkid finds ${disk.signature.type}`]),
        ...disk.bytes,
      ]),
    signature: () => Promise.resolve(disk.signature),
    isFree: () => Promise.resolve(disk.free),
  };
  const filesystems: Filesystems = {
    make: (_, { type, uuid }) => {
      writes.push(`mkfs.${type} ${uuid}`);
      disk.signature = { type, uuid };
      return Promise.resolve();
    },
    inspect: () =>
      Promise.resolve(disk.signature === undefined && disk.bytes.length === 0 ? 'none' : disk.state),
    wipe: () => {
      writes.push('wipefs');
      return Promise.resolve();
    },
    thaw: (path) => {
      writes.push(`thaw ${path}`);
      return Promise.resolve();
    },
    shutdown: (path) => {
      writes.push(`shutdown ${path}`);
      return Promise.resolve();
    },
  };
  return { blocks, filesystems, writes };
}

/** Answers commands by their first word; records all. */
export function fakeExec(
  answers: Readonly<Record<string, string>>,
): Exec & { readonly ran: { file: string; args: readonly string[]; options?: ExecOptions | undefined }[] } {
  const ran: { file: string; args: readonly string[]; options?: ExecOptions | undefined }[] = [];
  return {
    ran,
    run: (file, args, options) => {
      ran.push({ file, args, options });
      return Promise.resolve({ code: 0, stdout: answers[file] ?? '', stderr: '' });
    },
  };
}
