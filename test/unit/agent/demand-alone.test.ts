import { describe, expect, it } from 'vitest';
import type { Container } from '#agent/host/docker.ts';
import { parseMountinfo } from '#agent/host/mounts.ts';
import { mountsInside } from '#agent/host/mounts-inside.ts';
import type { Holder } from '#agent/host/users.ts';
import { createHolds } from '#agent/reconcile/holds.ts';
import { demandAlone, type AlonePorts } from '#agent/tasks/demand-alone.ts';

const directory = '/hivemind/volumes/data';
const subject = { name: 'data', operationId: 'op-1', directory };

/** The host's disk, and a directory of it as a volume shows. */
const host = `
22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
30 22 8:1 /data/folder ${directory} rw,nosuid shared:9 - ext4 /dev/sda1 rw
`;

interface Seen {
  readonly mounts?: string;
  readonly containers?: readonly Partial<Container>[];
  readonly holders?: readonly Holder[];
  readonly holds?: readonly string[];
}

function portsOf({ mounts = '', containers = [], holders = [], holds = [] }: Seen): AlonePorts {
  const held = createHolds({ holdSeconds: 600 });
  for (const id of holds) held.add('data', id);
  return {
    mounts: { list: () => Promise.resolve(parseMountinfo(host + mounts)) },
    users: {
      of: (wanted) => {
        expect(wanted).toEqual({ device: '8:1', root: '/data/folder' });
        return Promise.resolve([...holders]);
      },
    },
    containers: { containers: () => Promise.resolve(containers as Container[]) },
    holds: held,
    aloneWithinMs: 0,
  };
}

describe('a volume that is about to be replaced', () => {
  it('is the task’s alone, whose own hold does not count', async () => {
    await expect(demandAlone(portsOf({ holds: ['task:op-1'] }), subject)).resolves.toBeUndefined();
    // A process of the host in a mount namespace of its own is no container.
    const holders = [{ pid: 7, mountpoint: '/data/folder' }];
    await expect(demandAlone(portsOf({ holders }), subject)).resolves.toBeUndefined();
  });

  const id = 'c'.repeat(64);
  it.each<[string, Seen, string]>([
    [
      'a container that Docker lists',
      { containers: [{ id, name: 'db', state: 'running', volumes: ['data'] }] },
      'db',
    ],
    [
      'a container that was given the directory itself',
      {
        containers: [{ id, name: 'by-path', state: 'running', volumes: [] }],
        holders: [{ pid: 7, container: id, mountpoint: '/x' }],
      },
      'by-path',
    ],
    ['a mount whose container is about to start', { holds: ['task:op-1', 'docker-1'] }, 'being started'],
  ])('refill-alone: is not while %s has it', async (_who, seen, named) => {
    await expect(demandAlone(portsOf(seen), subject)).rejects.toMatchObject({
      code: 'VolumeBusy',
      message: expect.stringContaining(named),
    });
  });

  it('is waited for while a mount of it is about to be refused', async () => {
    const ports = { ...portsOf({ holds: ['docker-1'] }), aloneWithinMs: 60_000 };
    const isHeld: AlonePorts['holds']['isHeld'] = (...asked) => {
      const held = portsOf({ holds: looks++ === 0 ? ['docker-1'] : [] });
      return held.holds.isHeld(...asked);
    };
    let looks = 0;
    await demandAlone({ ...ports, holds: { isHeld } }, subject);
    expect(looks).toBe(2);
  });

  it('refill-no-mounts: is not while something is mounted inside, and says where', async () => {
    const mounts = '40 22 0:50 / /data/folder/sub rw - tmpfs none rw\n';
    await expect(demandAlone(portsOf({ mounts }), subject)).rejects.toMatchObject({
      code: 'VolumeBusy',
      message: expect.stringContaining('/data/folder/sub'),
    });
  });
});

describe('mounts inside a directory', () => {
  const inside = (mounts: string): string[] => mountsInside(parseMountinfo(host + mounts), directory);

  it('are found by any path that leads to them', () => {
    expect(
      inside(
        '40 22 8:1 /data /mnt/alias rw - ext4 x rw\n41 40 0:50 / /mnt/alias/folder/deep/er rw - tmpfs n rw\n',
      ),
    ).toEqual(['/mnt/alias/folder/deep/er']);
    expect(inside(`40 30 0:50 / ${directory}/x rw - tmpfs n rw\n`)).toEqual([`${directory}/x`]);
  });

  it('are none beside it, above it, of a like name, or on something that is mounted over it', () => {
    expect(
      inside('40 22 0:50 / /data rw - tmpfs n rw\n41 40 0:51 / /data/folder/x rw - tmpfs n rw\n'),
    ).toEqual([]);
    expect(inside('40 22 0:50 / /data/folder2 rw - tmpfs n rw\n')).toEqual([]);
    expect(inside('40 22 0:50 / /data/folder rw - tmpfs n rw\n')).toEqual([]);
  });
});
