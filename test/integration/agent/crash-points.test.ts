import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { startMortalAgent } from './support/mortal-agent.ts';

/**
 * Every effect of the agent in a volume's life, in order, and who repairs what a death around it leaves. docs/agent.md has the
 * same table for people.
 */
const life = [
  'hostCreateVolume', // a repeated create is the same create
  'claimVolume', // a repeated claim answers the same assignment
  'setLease true', // a repeat under the same epoch begins the use anew
  'takeTicket', // the repeat is renewed and names the same UUID
  'mkfs.ext4', // a finished format is taken as it is, an unfinished one is made again
  'report formatted', // the ticket is renewed, the format found finished
  'mount filesystem', // found in the mount table
  'report mounted', // reported again before the volume is shown
  'mount data', // found in the mount table
  'umount data', // the next Unmount goes on from the mount table
  'fsfreeze',
  'umount filesystem',
  'setLease false', // the sweep clears it once the device is free
  'hostDeleteVolume', // already gone is success
] as const;

describe('killed around any of its effects, the agent', () => {
  let agent: Awaited<ReturnType<typeof startMortalAgent>>;
  beforeAll(async () => {
    agent = await startMortalAgent();
  });
  afterAll(async () => {
    await agent.close();
  });

  const livesThrough = async (Name: string): Promise<void> => {
    const { insist, cloud, hostId } = agent;
    await insist('Create', { Name, Opts: { size: '1G' } });
    const path = (await insist('Mount', { Name, ID: 'one' })).Mountpoint ?? '';
    await writeFile(join(path, 'file'), Name);
    const attachment = () => cloud.volume(Name).hosts.get(hostId);
    expect(attachment()?.inUse).toBe(true);
    await insist('Unmount', { Name, ID: 'one' });
    await until(`${Name} is unmounted`, async () => {
      if (attachment()?.inUse === false) return true;
      await insist('Unmount', { Name, ID: 'one' });
      return false;
    });
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(`/volumes/${Name} `);
    expect(cloud.volume(Name)).toMatchObject({ epoch: 1, filesystem: { state: 'formatted', mounted: true } });
    await insist('Mount', { Name, ID: 'two' });
    expect(await readFile(join(path, 'file'), 'utf8')).toBe(Name);
    await insist('Unmount', { Name, ID: 'two' });
    await insist('Remove', { Name });
    expect(cloud.has(Name)).toBe(false);
  };

  it('has just these effects', async () => {
    await livesThrough('alive');
    const seen = [...new Set(await agent.effects())];
    expect(seen).toEqual([...life]);
  });

  it.each(life.flatMap((effect) => [['before', effect] as const, ['after', effect] as const]))(
    'carries on: %s %s',
    async (when, effect) => {
      agent.arm(when, effect);
      await livesThrough(`${when}-${effect.replaceAll(' ', '-')}`);
      expect(agent.isArmed()).toBe(false);
    },
  );
});
