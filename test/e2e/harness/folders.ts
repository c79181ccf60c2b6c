import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { clientConfig } from '#local/cloud/deploy.ts';
import type { Backup } from '#shared/model/backup.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { repositoryPrefix } from '#shared/model/repository.ts';
import { pluginOn } from '#test/integration/agent/support/docker-plugin.ts';
import type { BackupKillWorld } from './backup-kill-world.ts';
import type { TestCloud } from './cloud.ts';
import type { TestHost } from './host.ts';
import { atOnce } from './volume-world.ts';

/** A directory that is a volume, and the host that is asked for anything about it. */
export interface Folder {
  readonly name: string;
  readonly namespace: string;
  readonly host: TestHost;
}

/** Of this process alone. Hosts share this machine's directories, and so do the clouds of others. */
const root = `/data/hivemind-test-kills-${process.pid}`;

export function removeFolders(): void {
  rmSync(root, { recursive: true, force: true });
}

/** Directories as volumes: they need no storage of AWS, and their backups are files. */
export class Folders {
  readonly #cloud: TestCloud;
  readonly #world: BackupKillWorld;

  constructor(cloud: TestCloud, world: BackupKillWorld) {
    this.#cloud = cloud;
    this.#world = world;
  }

  /** Each with one file, which holds the folder's name. */
  async make(folders: readonly Folder[]): Promise<void> {
    const [first] = folders;
    const names = folders.map(({ name }) => name).join(' ');
    const plant = `mkdir -p ${root}; cd ${root}; for name in ${names}; do mkdir $name; echo $name >$name/file; done`;
    await first?.host.run('sh', '-ec', plant);
    await mapLimit(folders, atOnce, ({ name, namespace }) =>
      this.#cloud.api.call('createVolume', {
        params: { namespace },
        body: { name, type: 'hostpath', options: { path: join(root, name) } },
        headers: { 'idempotency-key': `create-${name}` },
      }),
    );
  }

  /** One of each, made by its host; some at a time, as one host makes them. */
  async backUp(folders: readonly Folder[]): Promise<Backup[]> {
    for (let at = 0; at < folders.length; at += atOnce) {
      const begun = await mapLimit(folders.slice(at, at + atOnce), atOnce, async (folder) => {
        const { name, namespace, host } = folder;
        const params = { namespace, name };
        const body = { host: host.instanceId };
        const answer = await this.#cloud.api.call('createBackup', { params, body });
        return { operation: answer.body.id, namespace };
      });
      await this.#world.ended(begun);
    }
    const backups = await this.backupsOf(folders);
    return backups.flat();
  }

  /** In the order of the folders, those that are there. */
  async backupsOf(folders: readonly Folder[]): Promise<Backup[][]> {
    return mapLimit(folders, atOnce, async ({ name, namespace }) => {
      const query = { volume: name };
      const { body } = await this.#cloud.api.call('listBackups', { params: { namespace }, query });
      return [...body.items];
    });
  }

  /** A container's use of each, without the container: from then on it is attached there, and idle. */
  async use(folders: readonly Folder[]): Promise<void> {
    await mapLimit(folders, atOnce, async ({ name, host }) => {
      const plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
      for (const call of ['Mount', 'Unmount'] as const)
        expect((await plugin(call, { Name: name, ID: name })).Err).toBe('');
    });
    await this.#world.wait('they are attached and idle', folders, async ({ name, namespace }) => {
      const { body } = await this.#cloud.api.call('getVolume', { params: { namespace, name } });
      return body.attachments?.length === 1 && body.attachments.every(({ inUse }) => !inUse);
    });
  }

  /** Names and contents of the files in it. */
  contentOf({ name, host }: Folder): Record<string, string> {
    const directory = host.path(join(root, name));
    const files = readdirSync(directory);
    return Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
  }

  /** Nothing is under way with any of them; in its repository each has a snapshot for each backup, and nobody's lock. */
  async judge(folders: readonly Folder[]): Promise<void> {
    const backups = await this.backupsOf(folders);
    const found = await mapLimit(folders, atOnce, async ({ name, namespace }) => {
      const { body } = await this.#cloud.api.call('getVolume', { params: { namespace, name } });
      const { id, operation } = body;
      const [snapshots, locks] = [await this.#keys(id, 'snapshots'), await this.#keys(id, 'locks')];
      return { name, operation, snapshots, locks };
    });
    expect(found).toEqual(
      folders.map(({ name }, at) => ({
        name,
        operation: undefined,
        snapshots: backups[at]?.length,
        locks: 0,
      })),
    );
    const states = new Set(backups.flat().map(({ state }) => state));
    expect(states).toEqual(new Set(['available']));
  }

  async #keys(volumeId: string, what: string): Promise<number> {
    const s3 = new S3Client({ ...clientConfig(this.#cloud.file), forcePathStyle: true });
    const Bucket = this.#cloud.file.stack?.['ArchiveBucketName'] ?? '';
    const Prefix = `${repositoryPrefix(volumeId)}/${what}/`;
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
    return Contents.length;
  }
}
