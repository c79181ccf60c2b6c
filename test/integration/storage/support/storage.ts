import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EC2Client,
  AttachVolumeCommand,
  CreateVolumeCommand,
  DescribeVolumesCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import { run } from '#local/storage/bytes/exec.ts';
import { loopsUnder } from '#local/storage/bytes/loops.ts';
import { type StorageService, startStorageService } from '#local/storage/service.ts';
import type { SettingsInput } from '#local/storage/settings.ts';
import { serviceModels } from '#test/support/service-models.ts';
import { until } from '#test/support/until.ts';
import { adminCall } from './admin.ts';

const fast = {
  createVolume: 20,
  deleteVolume: 20,
  attach: 20,
  detach: 20,
  busyPoll: 20,
  modify: 20,
  optimize: 20,
  snapshot: 20,
  copySnapshot: 20,
  instance: 20,
  fileSystem: 20,
  mountTarget: 20,
  accessPoint: 20,
  backup: 20,
  restore: 20,
};

/** A storage service of a test's own, in a folder of its own, with what tests ask of it. */
export class TestStorage {
  readonly dir: string;
  service: StorageService;
  readonly #settings: SettingsInput;
  readonly #mounts = new Set<string>();

  private constructor(dir: string, service: StorageService, settings: SettingsInput) {
    this.dir = dir;
    this.service = service;
    this.#settings = settings;
  }

  static async start(settings: SettingsInput = {}): Promise<TestStorage> {
    const dir = await mkdtemp(join(tmpdir(), 'hivemind-storage-'));
    const all: SettingsInput = {
      diskGib: 64,
      ...settings,
      latency: { ...fast, ...settings.latency },
      limits: { snapshotSpacingMs: 0, ...settings.limits },
    };
    return new TestStorage(dir, await launch(dir, all), all);
  }

  client(region = 'us-east-1', appId = 'test'): EC2Client {
    return new EC2Client({
      region,
      endpoint: this.service.url,
      credentials,
      maxAttempts: 1,
      userAgentAppId: appId,
    });
  }

  async admin<T = unknown>(line: string, body?: unknown): Promise<T> {
    return await adminCall<T>(this.service.adminSocket, line, body);
  }

  /** A running machine with folders of its own. */
  async host(id: string, zone = 'us-east-1a', instanceType = 'm7g.large'): Promise<Host> {
    const byIdDir = join(this.dir, 'hosts', id, 'by-id');
    const udevDir = join(this.dir, 'hosts', id, 'udev');
    await this.admin(`PUT /instances/${id}`, {
      name: id,
      availabilityZone: zone,
      instanceType,
      privateIpAddress: '10.99.1.2',
      byIdDir,
      udevDir,
    });
    return { id, byIdDir, udevDir };
  }

  async volume(
    ec2: EC2Client,
    input: Partial<ConstructorParameters<typeof CreateVolumeCommand>[0]> = {},
  ): Promise<string> {
    const made = await ec2.send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3', ...input }),
    );
    await this.volumeIs(ec2, made.VolumeId ?? '', 'available');
    return made.VolumeId ?? '';
  }

  async volumeIs(ec2: EC2Client, id: string, state: string): Promise<Volume> {
    return await until(`${id} is ${state}`, async () => {
      const volume = await describeVolume(ec2, id);
      return volume.State === state ? volume : undefined;
    });
  }

  async attachmentIs(ec2: EC2Client, id: string, state: string): Promise<void> {
    await until(
      `the attachment of ${id} is ${state}`,
      async () => (await describeVolume(ec2, id)).Attachments?.[0]?.State === state,
    );
  }

  /** Attached, and the device's path as the host sees it. */
  async attach(
    ec2: EC2Client,
    { volume, host, device = '/dev/sdf' }: { volume: string; host: Host; device?: string },
  ): Promise<string> {
    await ec2.send(new AttachVolumeCommand({ VolumeId: volume, InstanceId: host.id, Device: device }));
    await this.attachmentIs(ec2, volume, 'attached');
    return deviceLink(host, volume);
  }

  /** Mounts a device in the folder of the test, to be unmounted at the end at the latest. */
  async mount(device: string, name: string, options = 'rw'): Promise<string> {
    const point = join(this.dir, 'mnt', name);
    await run('mkdir', ['-p', point]);
    await run('mount', ['-o', options, device, point]);
    this.#mounts.add(point);
    return point;
  }

  async umount(point: string): Promise<void> {
    await run('umount', [point]);
    this.#mounts.delete(point);
  }

  async restart(): Promise<void> {
    await this.service.stop();
    this.service = await launch(this.dir, this.#settings);
  }

  /** Leaves nothing behind, whatever the test did. */
  async close(): Promise<void> {
    for (const point of this.#mounts) await run('umount', ['--lazy', point]).catch(() => undefined);
    await this.admin('POST /reset').catch(() => undefined);
    await this.service.stop();
    await leftNothing(this.dir);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/**
 * No device over a volume and no mount is left. The disk's own device is not asked for: a namespace that somebody else
 * made meanwhile holds a copy of its mount, until that ends.
 */
export async function leftNothing(dir: string): Promise<void> {
  await until('no device is left', async () => (await loopsUnder(join(dir, 'disk'))).length === 0);
  await until(
    'no mount is left',
    async () => !(await readFile('/proc/self/mountinfo', 'utf8')).includes(dir),
  );
}

export interface Host {
  readonly id: string;
  readonly byIdDir: string;
  readonly udevDir: string;
}

export const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export function deviceLink(host: Host, volume: string): string {
  return join(host.byIdDir, `nvme-Amazon_Elastic_Block_Store_${volume.replace('-', '')}`);
}

export async function describeVolume(ec2: EC2Client, id: string): Promise<Volume> {
  const { Volumes } = await ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] }));
  return Volumes?.[0] ?? {};
}

/** The code of the error that a call is refused with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}

async function launch(dir: string, settings: SettingsInput): Promise<StorageService> {
  return await startStorageService({ dir, port: 0, serviceModels: await serviceModels(), settings });
}
