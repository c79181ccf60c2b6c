import { describe, expect, it } from 'vitest';
import { freezable, type FreezeRules } from '#agent/freeze/freezable.ts';
import type { MountEntry } from '#agent/host/mounts.ts';

const stages = '/var/lib/hivemind/mounts';
const path = `${stages}/vol-1`;
const rules: FreezeRules = { stages, spared: [{ what: "this host's root (/)", device: '259:1' }] };
const entry = (change: Partial<MountEntry> = {}): MountEntry => ({
  device: '259:7',
  root: '/',
  mountpoint: path,
  options: ['rw'],
  peers: [],
  fstype: 'ext4',
  source: '/dev/nvme1n1',
  ...change,
});
const published = entry({ root: '/data', mountpoint: '/var/lib/hivemind/volumes/db' });

describe('what may be frozen', () => {
  it.each(['ext4', 'xfs'])(
    "is a volume's own %s mount, published and bound by others as it may be",
    (fstype) => {
      const own = entry({ fstype });
      const bound = entry({ root: '/data', mountpoint: '/srv/db' });
      expect(freezable({ path, device: '259:7' }, rules, [own, published, bound])).toEqual(own);
    },
  );

  it.each(["this host's root (/)", 'Docker (/data/docker)', "the agent's state (/var/lib/hivemind)"])(
    'is never the filesystem of %s, mounted as a volume or not',
    (what) => {
      const spared = { stages, spared: [{ what, device: '259:7' }] };
      const look = (): unknown => freezable({ path, device: '259:7' }, spared, [entry()]);
      expect(look).toThrow(`${path} is not frozen: it is on the filesystem of ${what}.`);
    },
  );

  it.each<[string, MountEntry[], string?]>([
    ['no filesystem is mounted there', []],
    ['no filesystem is mounted there', [entry({ device: '259:8' })]],
    ["it is not a volume's own mount", [entry({ root: '/somewhere' })]],
    ["it is not a volume's own mount", [entry({ mountpoint: '/mnt/backup' })], '/mnt/backup'],
    ["it is not a volume's own mount", [entry({ mountpoint: `${path}/deeper` })], `${path}/deeper`],
    ['it is nfs4', [entry({ fstype: 'nfs4' })]],
    ['it is tmpfs', [entry({ fstype: 'tmpfs' })]],
    ['the host has it mounted at /mnt/disk too', [entry({ mountpoint: '/mnt/disk' }), entry()]],
  ])('is nothing else: %s', (why, entries, at = path) => {
    expect(() => freezable({ path: at, device: '259:7' }, rules, entries)).toThrow(why);
  });
});
