import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorCodes, type Problem } from '#shared/model/errors.ts';
import type { Volume } from '#shared/model/volume.ts';
import { buildForTests, writeConfig, type BuiltCli } from './built-cli.ts';
import { startFakeApi, type FakeApi } from './fake-api/fake-api.ts';
import { fakeKeys, fakeRegion } from './fake-api/signature.ts';
import { hostA } from './fake-api/values.ts';

let api: FakeApi;
let cli: BuiltCli;

beforeAll(async () => {
  api = await startFakeApi();
  cli = await buildForTests(api.url);
});
afterAll(async () => {
  cli?.remove();
  await api?.stop();
});
beforeEach(() => api.reset());

const json = <T>(text: string): T => JSON.parse(text) as T;

describe('hivemind volume create', () => {
  it('waits for the operation, tells its progress on stderr and the result on stdout', async () => {
    const { code, stdout, stderr } = await cli.run([
      'volume',
      'create',
      '--name',
      'my-data-volume',
      '--size',
      '10G',
    ]);
    expect(stdout).toBe('Volume my-data-volume is created: local (ebs), 10G, available.\n');
    expect(stderr.split('\n')).toEqual([
      'create my-data-volume',
      'create my-data-volume: waiting to begin (0%)',
      'create my-data-volume: step 33 (33%)',
      'create my-data-volume: step 66 (66%)',
      'create my-data-volume: done',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('sends every flag as the API takes it', async () => {
    const flags =
      '--size 20G --type local --driver ebs --labels app=db,env=prod --options a=1 --mount-options noatime,discard --filesystem xfs --owner 1000:1001 ' +
      '--mode 0750 --read-only --no-encrypted --zone us-east-1a --description words --protect --namespace team';
    await cli.run(['volume', 'create', 'all', ...flags.split(' ')]);
    const [call] = api.calls;
    expect(call?.path).toBe('/v1/namespaces/team/volumes');
    expect(call?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(json(call?.body ?? '')).toEqual({
      name: 'all',
      size: '20G',
      type: 'local',
      driver: 'ebs',
      labels: { app: 'db', env: 'prod' },
      options: { a: '1', mountOptions: 'noatime,discard' },
      filesystem: 'xfs',
      owner: { uid: 1000, gid: 1001, mode: '0750' },
      readOnly: true,
      encrypted: false,
      availabilityZone: 'us-east-1a',
      description: 'words',
      protected: true,
    });
  });

  it.each([
    ['volume create --name my-data-volume', { name: 'my-data-volume' }],
    ['volume create --name v --type local', { name: 'v', type: 'local' }],
    [
      'volume create --name v --type network --options server=nas.example.com,path=/exports/data',
      { name: 'v', type: 'network', options: { server: 'nas.example.com', path: '/exports/data' } },
    ],
    [
      'volume create --name v --type hostpath --options path=/data/hostpath',
      { name: 'v', type: 'hostpath', options: { path: '/data/hostpath' } },
    ],
    ['volume create --name v --type ephemeral', { name: 'v', type: 'ephemeral' }],
    ['volume create --name secure-volume --encrypted', { name: 'secure-volume', encrypted: true }],
    [
      'volume create --name mysql-prod-data --labels app=mysql,env=prod',
      { name: 'mysql-prod-data', labels: { app: 'mysql', env: 'prod' } },
    ],
  ])('takes the documents’ own line: %s', async (line, body) => {
    const { code } = await cli.run([...line.split(' '), '--no-wait']);
    expect(code).toBe(0);
    expect(json(api.calls[0]?.body ?? '')).toEqual(body);
  });

  it('says so when the volume exists already', async () => {
    await cli.run(['volume', 'create', 'twice', '--type', 'network']);
    const { code, stdout } = await cli.run(['volume', 'create', 'twice', '--type', 'network']);
    expect(stdout).toBe('Volume twice exists already, with these parameters: network (efs), available.\n');
    expect(code).toBe(0);
  });

  it('returns at once with --no-wait, naming the operation', async () => {
    const { code, stdout } = await cli.run(['volume', 'create', 'stuck', '--no-wait']);
    expect(stdout).toMatch(/^Begun: create stuck\. Wait for it with: hivemind operation wait op-\w+\n$/);
    expect(code).toBe(0);
  });

  it('exits 6 when the operation is not done in time; it goes on', async () => {
    const { code, stdout, stderr } = await cli.run(['volume', 'create', 'stuck', '--timeout', '1s']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /hivemind: create stuck is not done after 1s\.\n {2}next: It goes on\. Wait again with: /,
    );
    expect(code).toBe(6);
  });

  it('fails as the operation fails', async () => {
    const { code, stderr } = await cli.run(['volume', 'create', 'broken']);
    expect(stderr).toContain('hivemind: AWS could not create it.\n  next: Look at the key policy.\n');
    expect(code).toBe(1);
  });
});

describe('hivemind volume ls', () => {
  it('pages to the end and prints a bare array, as the documents’ backup script reads it', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await cli.run(['volume', 'create', name, '--type', 'network', '--labels', `backup=${name < 'd'}`]);
    }
    const script = `hivemind volume ls --format json | jq -r '.[] | select(.labels.backup=="true") | .name'`;
    const { code, stdout, stderr } = await cli.shell('/bin/sh', ['-c', script]);
    expect(stderr).toBe('');
    expect(stdout).toBe('a\nb\nc\n');
    expect(code).toBe(0);
  });

  it('prints a table, names alone, or what a label selects', async () => {
    await cli.run(['volume', 'create', 'plain', '--type', 'network']);
    await cli.run(['volume', 'create', 'db', '--type', 'network', '--labels', 'app=db,env=prod']);
    const table = await cli.run(['volume', 'ls']);
    const [head, first] = table.stdout.split('\n');
    expect(head).toMatch(/^NAME +TYPE +DRIVER +SIZE +STATE +HOSTS +LABELS +CREATED$/);
    expect(first).toMatch(/^db +network +efs +available +app=db,env=prod +\d+[dhms] ago$/);
    expect((await cli.run(['volume', 'ls', '-q'])).stdout).toBe('db\nplain\n');
    expect((await cli.run(['volume', 'ls', '-q', '--labels', 'app=db,!legacy'])).stdout).toBe('db\n');
    expect((await cli.run(['volume', 'ls', '-q', '--labels', '!app'])).stdout).toBe('plain\n');
  });

  it('prints [] and an empty table when there is nothing', async () => {
    expect((await cli.run(['volume', 'ls', '--json'])).stdout).toBe('[]\n');
    expect((await cli.run(['volume', 'ls', '--quiet'])).stdout).toBe('');
  });

  it('ends quietly when its reader does', async () => {
    await cli.run(['volume', 'create', 'x', '--type', 'network']);
    const { stderr } = await cli.shell('/bin/sh', ['-c', 'hivemind volume ls --json | true']);
    expect(stderr).toBe('');
  });
});

describe('the life of a volume', () => {
  it('is created, shown, changed, attached, deleted and brought back', async () => {
    await cli.run(['volume', 'create', 'life', '--type', 'network', '--labels', 'app=db']);
    const shown = await cli.run(['volume', 'inspect', 'life']);
    expect(shown.stdout).toMatch(/^Name: +life\nNamespace: +default\nId: +vol-/);
    const updated = await cli.run([
      'volume',
      'update',
      'life',
      '--label-add',
      'backup=true',
      '--label-rm',
      'app',
    ]);
    expect(updated.stdout).toBe('Volume life is updated.\n');
    expect(api.calls.at(-1)?.headers['if-match']).toBe('"1"');
    const read = await cli.run(['volume', 'inspect', '--name', 'life', '--format', 'json']);
    expect(json<Volume>(read.stdout).labels).toEqual({ backup: 'true' });
    expect((await cli.run(['volume', 'attach', 'life', '--host', hostA])).code).toBe(0);
    expect((await cli.run(['volume', 'delete', '--name', 'life'])).code).toBe(4);
    expect((await cli.run(['volume', 'detach', 'life'])).stdout).toBe('Volume life is detached.\n');
    const gone = await cli.run(['volume', 'delete', '--name', 'life']);
    expect(gone.stdout).toBe('Volume life is deleted. Undo with: hivemind volume undelete life\n');
    expect((await cli.run(['volume', 'ls', '--deleted', '-q'])).stdout).toBe('life\n');
    const back = await cli.run(['volume', 'undelete', 'life', '--as', 'again']);
    expect(back.stdout).toBe('Volume life is back as again: available.\n');
  });

  it('does not purge or force-detach unasked where nobody can be asked', async () => {
    await cli.run(['volume', 'create', 'keep', '--type', 'network']);
    const purge = await cli.run(['volume', 'delete', 'keep', '--purge']);
    expect(purge.code).toBe(2);
    expect(purge.stderr).toContain('Give --yes if you mean it.');
    const force = await cli.run(['volume', 'attach', 'keep', '--host', hostA, '--force-detach']);
    expect(force.code).toBe(2);
    expect(api.state.volumes.has('keep')).toBe(true);
    expect((await cli.run(['volume', 'delete', 'keep', '--purge', '-y'])).code).toBe(0);
    expect(api.state.deleted.size).toBe(0);
  });

  it('is refused while it is protected', async () => {
    await cli.run(['volume', 'create', 'safe', '--type', 'network', '--protect']);
    expect((await cli.run(['volume', 'delete', 'safe'])).code).toBe(5);
    await cli.run(['volume', 'update', 'safe', '--no-protect']);
    expect((await cli.run(['volume', 'delete', 'safe'])).code).toBe(0);
  });
});

describe('exit codes', () => {
  const answered = Object.entries(errorCodes).filter(
    ([code]) => !['Unavailable', 'Internal', 'Throttled', 'TimedOut', 'Conflict'].includes(code),
  );

  it.each(answered)('%s: its own code, the problem on stderr, nothing on stdout', async (code, { exit }) => {
    const result = await cli.run(['volume', 'inspect', `problem-${code}`, '--json']);
    expect(result.stdout).toBe('');
    const problem = json<Problem>(result.stderr);
    expect(problem).toMatchObject({ code, detail: `Problem ${code}, as asked.` });
    expect(result.code).toBe(exit);
  });

  it('says for people what is wrong, with which value, and what to do', async () => {
    const { code, stderr } = await cli.run(['volume', 'inspect', 'nowhere']);
    expect(stderr).toBe(
      'hivemind: There is no volume "nowhere".\n  next: hivemind volume ls lists the volumes.\n',
    );
    expect(code).toBe(3);
  });

  it('never shows a stack', async () => {
    const home = `${cli.folder}/nowhere`;
    writeConfig(home, { endpoint: 'http://127.0.0.1:1', region: fakeRegion, credentials: fakeKeys });
    const { code, stderr } = await cli.run(['volume', 'ls'], { HOME: home });
    expect(stderr).toContain('cannot be reached');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });

  it('refuses names that would make another path', async () => {
    const { code, stderr } = await cli.run(['volume', 'inspect', '../../hosts']);
    expect(stderr).toContain('"name" in the path is not valid');
    expect(code).toBe(2);
    expect(api.calls).toEqual([]);
  });
});

describe('settings and credentials', () => {
  it('is refused with keys the API does not know, and says what to check', async () => {
    const keys = { AWS_ACCESS_KEY_ID: 'AKIDOTHER', AWS_SECRET_ACCESS_KEY: 'x', HIVEMIND_CONFIG: '' };
    const env = { ...keys, HOME: cli.folder, HIVEMIND_ENDPOINT: api.url, AWS_REGION: fakeRegion };
    const { code, stderr } = await cli.run(['volume', 'ls'], env);
    expect(stderr).toContain('Forbidden');
    expect(code).toBe(5);
  });

  it('takes the AWS SDK’s chain where no config file has keys', async () => {
    const env = {
      HOME: cli.folder,
      HIVEMIND_ENDPOINT: api.url,
      HIVEMIND_REGION: fakeRegion,
      AWS_ACCESS_KEY_ID: fakeKeys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: fakeKeys.secretAccessKey,
    };
    expect((await cli.run(['volume', 'ls', '--json'], env)).stdout).toBe('[]\n');
  });

  it('never sends the config file’s keys to another endpoint', async () => {
    const { code, stderr } = await cli.run(['volume', 'ls', '--endpoint', 'http://localhost:1'], {
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    expect(stderr).toContain('No AWS credentials');
    expect(code).toBe(5);
  });

  it('does not use a key that others may read', async () => {
    const home = `${cli.folder}/open`;
    writeConfig(home, { endpoint: api.url, region: fakeRegion, credentials: fakeKeys }, 0o644);
    const { code, stderr } = await cli.run(['volume', 'ls'], { HOME: home });
    expect(stderr).toMatch(/Others may read the credentials in .*config\.json\.\n {2}got: "mode 644"/);
    expect(code).toBe(5);
  });
});

describe('hivemind host drain', () => {
  it('names the used volume with its container, waits until it is free, and ends', async () => {
    const draining = cli.run(['host', 'drain', hostA, '--timeout', '30s']);
    await expect.poll(() => api.state.host.volumes?.length, { timeout: 20_000 }).toBe(1);
    api.release();
    const { code, stdout, stderr } = await draining;
    expect(stderr).toContain(`drain ${hostA}: used-one: in use by web`);
    expect(stdout).toBe(`Host ${hostA} is drained: it has no volume any more.\n`);
    expect(code).toBe(0);
  });

  it('exits 6 at the timeout with what is left; --cancel ends the drain', async () => {
    const { code, stderr } = await cli.run(['host', 'drain', hostA, '--timeout', '2s']);
    expect(stderr).toMatch(
      /still has 1 volume after 2s\.\n {2}- used-one: in use by web\n {2}next: Stop the containers/,
    );
    expect(code).toBe(6);
    const cancelled = await cli.run(['host', 'drain', hostA, '--cancel']);
    expect(cancelled.stdout).toBe(`Host ${hostA} may take volumes again.\n`);
    expect(api.state.host.draining).toBe(false);
  });

  it('lists and shows hosts', async () => {
    expect((await cli.run(['host', 'ls', '-q'])).stdout).toBe(`${hostA}\n`);
    expect((await cli.run(['host', 'inspect', hostA])).stdout).toContain('used-one: in use by web');
  });
});

describe('hivemind operation', () => {
  it('lists operations and waits for one', async () => {
    await cli.run(['volume', 'create', 'slow', '--no-wait']);
    const [id = ''] = (await cli.run(['operation', 'ls', '-q'])).stdout.split('\n');
    const { code, stdout } = await cli.run(['operation', 'wait', id]);
    expect(stdout).toBe(`Operation ${id} (create slow) is done.\n`);
    expect(code).toBe(0);
    expect((await cli.run(['operation', 'wait', 'op-00000000000000000000009999'])).code).toBe(3);
  });
});

describe('what is not part of this release', () => {
  it.each([
    'app deploy --image mysql:8 --name mysql-db --volume my-data-volume:/var/lib/mysql',
    'app logs --name x',
    'volume usage --name my-data-volume',
    'volume set-alert --name my-data-volume --threshold 80',
    'security role add-permission --name operator --resource volume --action create,read,update,delete',
  ])('says so, and what is: hivemind %s', async (line) => {
    const { code, stderr } = await cli.run(line.split(' '));
    expect(stderr).toMatch(/is not part of this release\.\n {2}allowed: .*\n {2}next: /);
    expect(code).toBe(2);
    expect(api.calls).toEqual([]);
  });
});
