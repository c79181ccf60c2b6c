import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { Archive } from './archive-sender.ts';
import { isApart, type Hosts, type Kills } from './backup-cast.ts';
import type { BackupKill } from './backup-kills.ts';
import type { BackupKillWorld, Crash } from './backup-kill-world.ts';
import type { TestCloud } from './cloud.ts';
import { Folders, type Folder } from './folders.ts';
import { leftInS3 } from './left-in-s3.ts';
import { namespace } from './subject.ts';
import { atOnce } from './volume-world.ts';

interface Stage {
  readonly cloud: TestCloud;
  readonly world: BackupKillWorld;
  readonly kills: Kills;
  readonly hosts: Hosts;
}

/** Kills in operations that put files in the place of others, or read them from a backup. */
export class FileKills {
  readonly #cloud: TestCloud;
  readonly #world: BackupKillWorld;
  readonly #kills: Kills;
  readonly #folders: Folders;
  /** What all the others get the files of. */
  readonly #source: Folder;
  readonly #targets: readonly Folder[];
  readonly #apart: Folder['host'];

  constructor({ cloud, world, kills, hosts }: Stage) {
    this.#cloud = cloud;
    this.#world = world;
    this.#kills = kills;
    this.#folders = new Folders(cloud, world);
    const folder = (name: string, host: Folder['host']): Folder => ({ name, namespace, host });
    this.#source = folder(cloud.unique('kill-source'), hosts.apart);
    this.#targets = [true, false].flatMap((apart) => {
      const most = [kills.refill, kills.importInPlace].map(
        (some) => some.filter((kill) => isApart(kill) === apart).length,
      );
      return Array.from({ length: Math.max(...most) }, (_, at) => {
        const host = apart ? hosts.apart : hosts.common[at % hosts.common.length];
        return folder(cloud.unique('kill-target'), host ?? hosts.apart);
      });
    });
    this.#apart = hosts.apart;
  }

  async prepare(): Promise<void> {
    await this.#folders.make([this.#source, ...this.#targets]);
  }

  /** Files of a backup in the place of others, which are a backup afterwards: one of each. */
  async refill(): Promise<ReadonlyMap<Folder, Backup>> {
    const [backup] = await this.#folders.backUp([this.#source]);
    const places = this.#assign(this.#kills.refill);
    const filled = [...places.values()];
    await this.#survive(
      this.#kills.refill.map((kill) => this.#refill(kill, at(places, kill), backup as Backup)),
    );
    for (const folder of filled)
      expect(this.#folders.contentOf(folder)).toEqual({ file: `${this.#source.name}\n` });
    await this.#folders.judge([this.#source, ...filled]);
    const guards = await this.#folders.backupsOf(filled);
    expect(guards.map((all) => all.map(({ origin }) => origin))).toEqual(filled.map(() => ['guard']));
    return new Map(filled.map((folder, index) => [folder, guards[index]?.[0] as Backup]));
  }

  /** What was replaced is read again, and archives of a caller come in the place of what there is. */
  async readAndImport(guards: ReadonlyMap<Folder, Backup>): Promise<void> {
    const { readArchive, importInPlace } = this.#kills;
    await this.#folders.use(this.#targets);
    const before = (await this.#folders.backupsOf(this.#targets)).map(({ length }) => length);
    const kept = [...guards];
    const archive = new Archive(this.#cloud.api, execFileSync('tar', ['-cz', '-C', '/etc', 'hostname']));
    const places = this.#assign(importInPlace);
    await this.#survive([
      ...readArchive.map((kill, index) => this.#read(kill, kept[index % kept.length] as [Folder, Backup])),
      ...importInPlace.map((kill) => this.#import(kill, at(places, kill), archive)),
    ]);
    const hostname = readFileSync('/etc/hostname', 'utf8');
    const imported = [...places.values()];
    for (const folder of imported) expect(this.#folders.contentOf(folder)).toEqual({ hostname });
    const sent = await mapLimit(readArchive, atOnce, (kill) => this.#sent(kill));
    expect(sent).toEqual(readArchive.map((_, index) => `${kept[index % kept.length]?.[0].name}\n`));
    await this.#folders.judge(this.#targets);
    const after = (await this.#folders.backupsOf(this.#targets)).map(({ length }) => length);
    expect(after).toEqual(
      before.map((count, index) => count + (imported.includes(this.#targets[index] as Folder) ? 1 : 0)),
    );
    const [reads, imports] = [readArchive, importInPlace].map((some) => some.map((kill) => kill.operation));
    const left = await leftInS3(this.#cloud, [...(reads ?? []), ...(imports ?? [])]);
    expect(left).toEqual({ archives: reads?.toSorted(), uploads: [] });
  }

  /** Some at a time: each has restic work for it several times. */
  async #survive(crashes: readonly Crash[]): Promise<void> {
    for (let from = 0; from < crashes.length; from += together)
      await this.#world.survive(crashes.slice(from, from + together));
  }

  #assign(kills: readonly BackupKill[]): ReadonlyMap<string, Folder> {
    const free = [...this.#targets];
    return new Map(
      kills.map((kill) => {
        const found = free.findIndex(({ host }) => (host === this.#apart) === isApart(kill));
        const [folder] = free.splice(found, 1);
        return [kill.key, folder as Folder];
      }),
    );
  }

  #refill(kill: BackupKill, { name, host: { instanceId } }: Folder, backup: Backup): Crash {
    const params = { namespace, backup: backup.id };
    const body = { name, inPlace: true, host: instanceId };
    return {
      ...kill,
      words: { SendMessage: instanceId },
      wakesAgain: true,
      ask: () =>
        this.#cloud.api.call('restoreBackup', { params, body, headers: { 'idempotency-key': kill.key } }),
    };
  }

  #read(kill: BackupKill, [folder, backup]: readonly [Folder, Backup]): Crash {
    const { instanceId } = isApart(kill) ? this.#source.host : folder.host;
    const params = { namespace, backup: backup.id };
    const body = { path: 'file', host: instanceId };
    return {
      ...kill,
      words: { SendMessage: instanceId },
      ask: () =>
        this.#cloud.api.call('extractBackup', { params, body, headers: { 'idempotency-key': kill.key } }),
    };
  }

  #import(kill: BackupKill, { name, host: { instanceId } }: Folder, archive: Archive): Crash {
    return {
      ...kill,
      words: { SendMessage: instanceId },
      wakesAgain: true,
      ask: () => archive.send({ name, key: kill.key, host: instanceId, inPlace: true }),
    };
  }

  /** What the host has sent. */
  async #sent({ operation }: BackupKill): Promise<string> {
    const { body } = await this.#cloud.api.call('signExport', { params: { namespace, operation } });
    const answer = await fetch(body.url);
    return answer.text();
  }
}

const together = 8;

const at = (places: ReadonlyMap<string, Folder>, { key }: BackupKill): Folder => places.get(key) as Folder;
