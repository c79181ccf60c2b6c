import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateSecretCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { ListedEntry } from '#shared/model/extract.ts';
import type { Operation } from '#shared/model/operation.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** Backups as files in the whole product: restic itself, keys by STS, passwords in Secrets Manager, objects in S3. */
let cloud: TestCloud;
let host: TestHost;
let root: ReturnType<typeof asRoot>;
let settings: Record<string, string>;
/** Of this process alone: another cloud's run on this machine removes its own. */
const folder = `/data/hivemind-test-restic-${process.pid}`;

beforeAll(async () => {
  cloud = joinCloud();
  host = await cloud.addHost(cloud.unique('res'));
  // Hosts share this machine's directories.
  await host.run('rm', '-rf', folder);
  root = asRoot(cloud);
  const command = new GetFunctionConfigurationCommand({ FunctionName: 'hivemind-hosts-api' });
  settings = (await root.lambda.send(command)).Environment?.Variables ?? {};
});
afterAll(async () => {
  await host.run('rm', '-rf', folder);
  await cloud.close();
});

const endpointOf = ({ file }: TestCloud): string => `http://127.0.0.1:${file.ports.aws}`;

function asRoot(of: TestCloud) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const common = { endpoint: endpointOf(of), region: 'us-east-1', credentials };
  return {
    s3: new S3Client({ ...common, forcePathStyle: true }),
    lambda: new LambdaClient(common),
    secrets: new SecretsManagerClient(common),
    sts: new STSClient(common),
  };
}

/** Everything that a file has, as text. */
const tree = (directory: string): Promise<string> =>
  host.run(
    'sh',
    '-ec',
    `cd ${directory}
     find . -path ./lost+found -prune -o -printf '%p %y %m %U:%G %n %s %l %T+\\n' | sort
     find . -type f -not -path './lost+found/*' | sort | xargs sha256sum
     getfattr --absolute-names -R -d -m - . 2>/dev/null | sort; getfacl -R -n . 2>/dev/null | sort`,
  );
const plant = `mkdir -p deep/er; echo kept >file; chmod 2750 deep; ln file deep/linked; ln -s ../file deep/way
  head -c 3000000 /dev/urandom >deep/er/random; chown 1234:4321 deep/er/random; chmod 4711 deep/er/random
  setfattr -n user.note -v kept file; setfacl -m u:77:r file; touch -d '2020-02-02T02:02:02.123456789Z' deep/er/random`;
const backUp = (name: string, ...args: string[]): Promise<Backup> =>
  cloud.hivemindJson<Backup>('volume', 'backup', name, '--host', host.instanceId, '--wait', ...args);
const snapshotOf = ({ storage }: Backup) => (storage?.kind === 'archive' ? storage.snapshot : undefined);
const keysUnder = async (prefix: string, bucket = settings['ARCHIVE_BUCKET_NAME']): Promise<string[]> => {
  const { Contents = [] } = await root.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key }) => Key ?? '');
};
const secretNames = async (): Promise<string[]> =>
  ((await root.secrets.send(new ListSecretsCommand({}))).SecretList ?? []).map(({ Name }) => Name ?? '');

async function directory(name: string): Promise<string> {
  const path = `${folder}/${name}`;
  await cloud.hivemind('volume', 'create', name, '--type', 'hostpath', '--options', `path=${path}`, '--wait');
  await host.run('sh', '-ec', `mkdir -p ${path}; cd ${path}; ${plant}`);
  return path;
}

describe('a directory of a host', () => {
  it('is backed up as files, what changed alone, and restored to a new volume with everything', async () => {
    const name = cloud.unique('dir');
    const path = await directory(name);
    const before = await tree(path);
    const first = await backUp(name);
    expect(first).toMatchObject({ kind: 'archive', state: 'available', pointInTime: false });
    expect(snapshotOf(first)).toMatchObject({ files: 3, notes: [] });
    expect(snapshotOf(first)?.addedBytes).toBeGreaterThan(3_000_000);
    await host.run('sh', '-ec', `echo more >${path}/more`);
    const second = await backUp(name);
    expect(snapshotOf(second)?.addedBytes).toBeLessThan(100_000);
    expect(await cloud.hivemind('backup', 'ls', '--volume', name)).toMatch(/archive.+2\.9 MiB/);
    expect(await cloud.hivemind('backup', 'inspect', first.id)).toContain(
      `of /data/${name} in repositories/`,
    );

    const copy = cloud.unique('copy');
    const to = ['--host', host.instanceId, '--options', `path=${folder}/${copy}`];
    await cloud.hivemind('volume', 'restore', copy, '--backup', first.id, ...to, '--wait');
    expect(await tree(`${folder}/${copy}`)).toBe(before);
    expect(await host.once(copy, 'cat', '/data/deep/way')).toBe('kept');

    const full = await cloud.attemptHivemind([
      'volume',
      'restore',
      cloud.unique('full'),
      '--backup',
      first.id,
      '--host',
      host.instanceId,
      '--wait',
    ]);
    expect(full.stderr).toContain('holds');

    const repository = `repositories/${first.volumeId}`;
    await cloud.hivemind('backup', 'delete', first.id, '--yes', '--wait');
    expect((await keysUnder(`${repository}/snapshots/`)).length).toBe(1);
    expect(await keysUnder(`${repository}/locks/`)).toEqual([]);
    await cloud.hivemind('backup', 'delete', second.id, '--yes', '--wait');
    expect(await keysUnder(repository)).toEqual([]);
    expect(await secretNames()).not.toContain(`hivemind/${repository}`);
    expect(host.agentLog()).not.toMatch(/password/i);
    for (const one of [name, copy])
      await cloud.hivemind('volume', 'delete', one, '--purge', '--yes', '--wait');
  });

  it('is backed up once although the agent is killed in the midst of it', async () => {
    const name = cloud.unique('killed');
    const path = await directory(name);
    await host.run('sh', '-ec', `head -c 60000000 /dev/urandom >${path}/large`);
    const begun = await cloud.hivemindJson<Operation>(
      'volume',
      'backup',
      name,
      '--host',
      host.instanceId,
      '--no-wait',
    );
    const { volumeId } = begun;
    await until('it writes', async () => (await keysUnder(`repositories/${volumeId}/data/`)).length > 0);
    await host.killAgent();
    await host.revive();
    await cloud.hivemind('operation', 'wait', begun.id);
    expect(await keysUnder(`repositories/${volumeId}/snapshots/`)).toHaveLength(1);
    await cloud.hivemind('backup', 'delete', begun.backup ?? '', '--yes', '--wait');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });

  it('is restored in place, though the agent is killed in the midst of it; what was there is kept first', async () => {
    const name = cloud.unique('place');
    const path = await directory(name);
    const before = await tree(path);
    const backup = await backUp(name);
    await host.run('sh', '-ec', `cd ${path}; rm -r deep; echo spoilt >file; mkdir new; echo x >new/x`);
    const spoilt = await tree(path);
    await host.container('user', name, 'sleep', '3600');
    const restore = ['volume', 'restore', name, '--yes', '--host', host.instanceId, '--backup'];
    await until('it is refused with who uses it', async () => {
      const { stderr } = await cloud.attemptHivemind([...restore, backup.id]);
      return stderr.includes('containers user');
    });
    const begun = await cloud.hivemindJson<Operation>(...restore, backup.id, '--force', '--no-wait');
    expect(begun).toMatchObject({ kind: 'restoreFiles', backup: backup.id });
    expect(await tree(path)).toBe(spoilt);
    await host.docker('rm', '--force', 'user');
    await until('it is under way', async () => {
      const all = await cloud.hivemindJson<Operation[]>('operation', 'ls', '--volume', name);
      return all.some(({ id, progress }) => id === begun.id && progress >= 50);
    });
    await host.killAgent();
    await host.revive();
    await cloud.hivemind('operation', 'wait', begun.id);
    expect(await tree(path)).toBe(before);
    expect(await host.once(name, 'cat', '/data/deep/way')).toBe('kept');

    const { guard = '' } = begun;
    expect(await cloud.hivemind(...restore, guard, '--wait')).toContain(`restored from ${guard}`);
    expect(await tree(path)).toBe(spoilt);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });

  it('is proven by a drill, also when the agent is killed in the midst of it, and nothing is left', async () => {
    const name = cloud.unique('drilled');
    const path = await directory(name);
    const planted = Date.now();
    // Two clocks may be 5 s apart: what is younger is not asked for.
    await until('it has settled', () => Promise.resolve(Date.now() - planted > 6_000), { within: 10_000 });
    const { id } = await backUp(name);
    const made = await until('its manifest is written', async () => {
      const { manifest } = await cloud.hivemindJson<Backup>('backup', 'inspect', id);
      return manifest;
    });
    expect(made).toMatchObject({ entries: 6, hashed: 3 });
    await host.run('sh', '-ec', `rm -r ${path}; mkdir ${path}`);
    const flag = `${folder}/${name}-flag`;
    const check = `cat file; test -e ${flag} || { touch ${flag}; sleep 600; }`;
    const begun = await cloud.hivemindJson<Operation>('backup', 'drill', id, '--check', check, '--no-wait');
    await until('the check runs', async () => {
      const found = await host.run('sh', '-c', `ls ${flag} 2>/dev/null || true`);
      return found !== '';
    });
    await host.killAgent();
    await host.revive();
    await cloud.hivemind('operation', 'wait', begun.id);
    const { drill, verified } = await cloud.hivemindJson<Backup>('backup', 'inspect', id);
    expect(drill).toMatchObject({
      outcome: 'passed',
      host: host.instanceId,
      report: { archive: true, manifest: true, compared: 6, hashed: 3, check: { code: 0, output: 'kept' } },
    });
    expect(verified?.restoreSeconds).toBeGreaterThan(0);
    expect(await cloud.hivemind('volume', 'inspect', name)).toMatch(/Last verified.+restored in/);
    expect(await host.run('sh', '-c', 'ls /var/lib/hivemind/drills')).toBe('');
    await cloud.hivemind('backup', 'delete', id, '--yes', '--wait');
    expect(await keysUnder(`manifests/${id}`)).toEqual([]);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });

  it('gives out single files and directories, without a volume and with nothing of them on the host', async () => {
    const name = cloud.unique('read');
    const path = await directory(name);
    await host.run('sh', '-ec', `ln -s /etc ${path}/etc`);
    const { id, volumeId } = await backUp(name);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
    const root = await cloud.hivemindJson<ListedEntry[]>('backup', 'browse', id);
    expect(root.map(({ path: at, kind, target }) => [at, kind, target])).toEqual([
      ['deep', 'directory', undefined],
      ['etc', 'symlink', '/etc'],
      ['file', 'file', undefined],
    ]);
    const out = await mkdtemp(join(tmpdir(), 'extracted-'));
    await cloud.hivemind('backup', 'extract', id, 'file', '--output', out);
    expect(await readFile(join(out, 'file'), 'utf8')).toBe('kept\n');
    await cloud.hivemind('backup', 'extract', id, 'deep', '--output', out);
    const unpack = ['-xzf', join(out, 'deep.tar.gz'), '-C', out, './er/random', './linked'];
    execFileSync('tar', unpack);
    expect((await readFile(join(out, 'er', 'random'))).length).toBe(3_000_000);
    expect(await readFile(join(out, 'linked'), 'utf8')).toBe('kept\n');
    const refused = await cloud.attemptHivemind(['backup', 'extract', id, 'etc/hostname', '--output', out]);
    expect([refused.exitCode, refused.stderr]).toEqual([
      5,
      expect.stringContaining('links are not followed'),
    ]);
    await rm(out, { recursive: true });
    expect(await keysUnder(`repositories/${volumeId}/locks/`)).toEqual([]);
    expect(await keysUnder('transfers/')).toEqual([]);
    await cloud.hivemind('backup', 'delete', id, '--yes', '--wait');
  });

  it('goes to a bucket of one’s own, under keys of one’s own', async () => {
    const name = cloud.unique('own');
    const bucket = cloud.unique('own-bucket');
    await root.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const secret = `hivemind/endpoints/${bucket}`;
    const SecretString = JSON.stringify({ accessKeyId: 'test', secretAccessKey: 'test' });
    await root.secrets.send(new CreateSecretCommand({ Name: secret, SecretString }));
    const path = await directory(name);
    const before = await tree(path);
    const to = ['--s3-endpoint', endpointOf(cloud), '--bucket', bucket, '--credentials-secret', secret];
    const backup = await backUp(name, ...to);
    const repository = `repositories/${backup.volumeId}`;
    expect(await keysUnder(`${repository}/snapshots/`, bucket)).toHaveLength(1);
    expect(await keysUnder(repository)).toEqual([]);
    const copy = cloud.unique('copy');
    const options = ['--host', host.instanceId, '--options', `path=${folder}/${copy}`];
    await cloud.hivemind('volume', 'restore', copy, '--backup', backup.id, ...options, '--wait');
    expect(await tree(`${folder}/${copy}`)).toBe(before);
    const deep = await cloud.hivemindJson<ListedEntry[]>('backup', 'browse', backup.id, 'deep');
    expect(deep.map((one) => one.path)).toEqual(['deep/er', 'deep/linked', 'deep/way']);
    await cloud.hivemind('backup', 'delete', backup.id, '--yes', '--wait');
    expect(await keysUnder(repository, bucket)).toEqual([]);
    for (const one of [name, copy])
      await cloud.hivemind('volume', 'delete', one, '--purge', '--yes', '--wait');
  });
});

it.each(['network', 'local'])(
  'a %s volume goes as files to another one when that is asked for',
  async (type) => {
    const [name, copy] = [cloud.unique(`${type}-from`), cloud.unique(`${type}-to`)];
    await cloud.hivemind('volume', 'create', name, '--type', type, '--wait');
    await host.once(
      name,
      'sh',
      '-c',
      'cd /data; echo shared >file; chmod 640 file; ln file again; chown 7:8 .',
    );
    const backup = await backUp(name, '--engine', 'restic');
    expect(backup).toMatchObject({ kind: 'archive', source: { type } });
    await cloud.hivemind(
      'volume',
      'restore',
      copy,
      '--backup',
      backup.id,
      '--host',
      host.instanceId,
      '--wait',
    );
    const look = 'cd /data; cat again; stat -c "%a %h" file; stat -c "%u:%g" .';
    expect(await host.once(copy, 'sh', '-c', look)).toBe('shared\n640 2\n7:8');
    await cloud.hivemind('backup', 'delete', backup.id, '--yes', '--wait');
    for (const one of [name, copy])
      await cloud.hivemind('volume', 'delete', one, '--purge', '--yes', '--wait');
  },
);

it('keys of repositories are given by the API of hosts alone: nobody else assumes their roles, root neither', async () => {
  for (const name of ['REPOSITORY_ROLE_ARN', 'REPOSITORY_KEEPER_ROLE_ARN']) {
    const command = new AssumeRoleCommand({
      RoleArn: settings[name] ?? '',
      RoleSessionName: host.instanceId,
    });
    await expect(root.sts.send(command)).rejects.toMatchObject({ name: 'AccessDenied' });
  }
});
