import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import { composeProject } from './harness/compose.ts';
import { backupScript, cron } from './harness/cron.ts';
import type { TestHost } from './harness/host.ts';
import { endUndoWindow, untilBuried } from './harness/undo-window.ts';

/*
 * The documents' "Volume Testing Script" from its first line to its last: write, restart, back up, disaster, restore, compare.
 * Restored by each way that there is, before and after the storage is freed, on the same host and on another one.
 */

const cloud = joinCloud();
const file = `version: "3.8"
services:
  agent:
    image: busybox
    network_mode: none
    command: ["sleep", "infinity"]
    volumes:
      - agent_data:/data
volumes:
  agent_data:
    driver: hivemind
`;
let here: TestHost;
let there: TestHost;
let folder: string;

beforeAll(async () => {
  here = await cloud.addHost(cloud.unique('vt-here'));
  there = await cloud.addHost(cloud.unique('vt-there'));
  folder = mkdtempSync(join(tmpdir(), 'hivemind-volume-testing-'));
});
afterAll(async () => {
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

type Compose = ReturnType<typeof composeProject>;

/** Names, kinds, sizes, owners, modes, times and contents of all files. */
const listing =
  'cd /data; find . -not -path "./lost+found*" -exec stat -c "%n %F %s %u:%g %a %Y" {} + | sort; find . -type f | sort | xargs sha256sum';
const filesOf = (compose: Compose): Promise<string> => compose('exec', '-T', 'agent', 'sh', '-c', listing);

interface Application {
  readonly compose: Compose;
  readonly project: string;
  readonly name: string;
  readonly volume: Volume;
  /** Its files as they were backed up. */
  readonly files: string;
}

/** The script up to its backup: data is written, the container is restarted, and the data is there. */
async function written(): Promise<Application> {
  const project = cloud.unique('myapp').replaceAll('-', '');
  const compose = composeProject(here, project, file);
  await compose('up', '-d');
  const make =
    'echo "test data" > /data/test.txt; mkdir -p /data/deep/er; head -c 3000000 /dev/urandom >/data/deep/er/blob';
  await compose('exec', '-T', 'agent', 'sh', '-c', make);
  await compose('restart', '-t', '0', 'agent');
  expect(await compose('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data');
  const name = `${project}_agent_data`;
  await cloud.hivemind('volume', 'update', name, '--labels', 'backup=true');
  const volume = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
  return { compose, project, name, volume, files: await filesOf(compose) };
}

/** `docker-compose down -v`, and the volume that the script then removes is gone by then. */
async function disaster({ compose, name }: Application): Promise<void> {
  await compose('down', '-v', '-t', '0');
  const again = await here.attempt(['docker', 'volume', 'rm', name]);
  expect(again.exitCode).not.toBe(0);
  expect(`${again.stdout}${again.stderr}`).toMatch(/no such volume/i);
  await until('the volume is gone', async () => {
    const { exitCode } = await cloud.attemptHivemind(['volume', 'inspect', name]);
    return exitCode === 3;
  });
}

/** The script's end: up again, with the data there; then nothing of the application is left. Gives its files. */
async function upAgain(application: Application, host: TestHost): Promise<string> {
  const compose = host === here ? application.compose : composeProject(host, application.project, file);
  await compose('up', '-d', 'agent');
  expect(await compose('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data');
  const files = await filesOf(compose);
  await compose('down', '-v', '-t', '0');
  return files;
}

const hostOf = { here: () => here, there: () => there };
const places = ['here', 'there'] as const;

describe.each(places)('brought up again %s', (place) => {
  test('from a backup that was made before the disaster', async () => {
    const application = await written();
    const { name } = application;
    const backup = await cloud.hivemindJson<Backup>('volume', 'backup', '--name', name, '--wait');
    await disaster(application);
    await cloud.hivemind('volume', 'restore', name, '--backup', backup.id, '--wait');
    expect(await upAgain(application, hostOf[place]())).toBe(application.files);
  });

  test('from the archive that the cron script made', async () => {
    const application = await written();
    const { name } = application;
    await cron(cloud, backupScript, folder);
    const [archive = ''] = (await readdir(folder)).filter((one) => one.startsWith(name));
    await disaster(application);
    const input = join(folder, archive);
    await cloud.hivemind('volume', 'restore', '--name', name, '--input', input);
    expect(await upAgain(application, hostOf[place]())).toBe(application.files);
  });

  test('undeleted inside the undo window', async () => {
    const application = await written();
    await disaster(application);
    await untilBuried(cloud, application.volume.id);
    await cloud.hivemind('volume', 'undelete', application.name);
    const { id } = await cloud.hivemindJson<Volume>('volume', 'inspect', application.name);
    expect(id).toBe(application.volume.id);
    expect(await upAgain(application, hostOf[place]())).toBe(application.files);
  });

  test('undeleted after the undo window, when the storage is freed: from the final backup', async () => {
    const application = await written();
    const { name, volume } = application;
    await disaster(application);
    await endUndoWindow(cloud, volume.id);
    const ebs = volume.storage?.kind === 'ebs' ? volume.storage.volumeId : '';
    expect((await cloud.storage.volumes()).map(({ id }) => id)).not.toContain(ebs);
    await cloud.hivemind('volume', 'undelete', name);
    const again = await until('it is made again', async () => {
      const found = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
      return found.state === 'available' ? found : undefined;
    });
    expect(again).toMatchObject({ id: volume.id, labels: { backup: 'true' } });
    expect(await upAgain(application, hostOf[place]())).toBe(application.files);
  });
});

test('after the undo window a volume of another name is made from the final backup', async () => {
  const application = await written();
  const { name, volume } = application;
  await disaster(application);
  await endUndoWindow(cloud, volume.id);
  const [final] = await cloud.hivemindJson<Backup[]>('backup', 'ls', '--volume', name, '--origin', 'final');
  const copy = cloud.unique('copy');
  await cloud.hivemind('volume', 'restore', copy, '--backup', final?.id ?? '', '--wait');
  expect(await there.once(copy, 'cat', '/data/test.txt')).toBe('test data');
  await cloud.hivemind('volume', 'delete', copy, '--purge', '--yes', '--wait');
});
