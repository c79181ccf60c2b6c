import { expect } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { isApart } from './backup-cast.ts';
import { namespaceOf, type BackupKill } from './backup-kills.ts';
import type { BackupKillWorld, Crash } from './backup-kill-world.ts';
import type { TestCloud } from './cloud.ts';
import { Folders, type Folder } from './folders.ts';
import type { TestHost } from './host.ts';
import { atOnce } from './volume-world.ts';

const namespace = namespaceOf('archiveDrill');

interface Stage {
  readonly cloud: TestCloud;
  readonly world: BackupKillWorld;
  readonly kills: readonly BackupKill[];
}

/**
 * Kills in drills of files: of two hosts the first that is asked has no restic. The one that was heard of last is asked first, so
 * the other one is frozen until all wait for it.
 */
export class DrillKills {
  readonly #cloud: TestCloud;
  readonly #world: BackupKillWorld;
  readonly #kills: readonly BackupKill[];
  readonly #folders: Folders;

  constructor({ cloud, world, kills }: Stage) {
    this.#cloud = cloud;
    this.#world = world;
    this.#kills = kills;
    this.#folders = new Folders(cloud, world);
  }

  async survive(): Promise<void> {
    const able = await this.#addHost('kill-able');
    const folders = this.#kills.map(({ key: name }): Folder => ({ name, namespace, host: able }));
    await this.#folders.make(folders);
    const backups = await this.#folders.backUp(folders);
    await able.freeze();
    let crashes: readonly Crash[];
    try {
      // Heard of last, from the first time that it is heard of.
      const bare = await this.#addHost('kill-bare');
      await bare.run('mount', '--bind', '/dev/null', '/usr/bin/restic');
      crashes = this.#kills.map((kill, at) => this.#drill(kill, backups[at] as Backup, { bare, able }));
      await this.#untilAsked(crashes, able);
    } finally {
      await able.thaw();
    }
    await this.#world.ended(crashes);
    expect(await this.#world.missed(crashes)).toEqual([]);
    await this.#judge(folders, able);
  }

  /** All have been asked for, and wait for the host that can. */
  async #untilAsked(crashes: readonly Crash[], able: TestHost): Promise<void> {
    const wait = (some: readonly Crash[]): Promise<void> =>
      this.#world.wait('they wait for the host that can', some, async (crash) => {
        const { message } = await this.#world.operationOf(crash);
        return message.includes(able.instanceId) && !message.startsWith('Asking');
      });
    for (const crash of crashes.filter(isApart)) {
      await this.#world.untilKilled(crash);
      await wait([crash]);
    }
    const rest = crashes.filter((crash) => !isApart(crash));
    await this.#world.ask(rest);
    await wait(rest);
  }

  #addHost(name: string): Promise<TestHost> {
    return this.#cloud.addHost(this.#cloud.unique(name), { docker: false, namespace });
  }

  /** What each holds is its folder's name. */
  #drill(kill: BackupKill, backup: Backup, { bare, able }: Hosts): Crash {
    const params = { namespace, backup: backup.id };
    const body = { check: { command: `test "$(cat file)" = ${backup.volume}` } };
    return {
      ...kill,
      words: {
        SendMessage: (kill.nth === 0 ? bare : able).instanceId,
        'record askVerify 1': `{"S":"askVerify:${able.instanceId}`,
      },
      ask: () =>
        this.#cloud.api.call('drillBackup', { params, body, headers: { 'idempotency-key': kill.key } }),
    };
  }

  async #judge(folders: readonly Folder[], able: TestHost): Promise<void> {
    await this.#folders.judge(folders);
    const backups = (await this.#folders.backupsOf(folders)).flat();
    const drills = await mapLimit(backups, atOnce, async ({ id }) => {
      const { body } = await this.#cloud.api.call('getBackup', { params: { namespace, backup: id } });
      return [body.drill?.outcome, body.drill?.host, body.drill?.report?.check?.code];
    });
    expect(drills).toEqual(folders.map(() => ['passed', able.instanceId, 0]));
    expect(await able.run('sh', '-c', 'ls /var/lib/hivemind/drills')).toBe('');
  }
}

interface Hosts {
  readonly bare: TestHost;
  readonly able: TestHost;
}
