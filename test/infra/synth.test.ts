import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureVenv } from '#local/emulator/venv.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkout } from './support/synth.ts';

const out = mkdtempSync(join(tmpdir(), 'hivemind-synth-'));
const path = [
  join(checkout, 'node_modules/.bin'),
  dirname(process.execPath),
  '/usr/sbin:/usr/bin:/sbin:/bin',
];

/** No credentials, no configuration, and (as root, who alone can) a network of its own with nothing in it. */
const cdk = ['cdk', 'synth', '--quiet', '--output', out];
const alone = process.getuid?.() === 0 ? ['unshare', '-n', ...cdk] : cdk;

beforeAll(() => {
  const { status, stderr } = spawnSync('env', ['-i', `PATH=${path.join(':')}`, `HOME=${out}`, ...alone], {
    cwd: checkout,
    encoding: 'utf8',
  });
  // With a finding of cdk-nag that has no reason beside it, cdk ends with 1 and says which.
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
}, 180_000);

afterAll(() => rmSync(out, { recursive: true, force: true }));

const templates = () => readdirSync(out).filter((file) => file.endsWith('.template.json'));

test('cdk synth works with no credentials and no network, and cdk-nag has nothing to say', () => {
  expect(templates().toSorted()).toEqual([
    'HivemindControlPlane.template.json',
    'HivemindHosts.template.json',
    'HivemindObservability.template.json',
    'HivemindStorage.template.json',
  ]);
});

test('a finding that has no reason beside it would have ended that', () => {
  const app = `
    import { App, Stack, Validations } from 'aws-cdk-lib';
    import { Queue } from 'aws-cdk-lib/aws-sqs';
    import { AwsSolutionsChecks } from 'cdk-nag';
    const app = new App();
    new Queue(new Stack(app, 'Bare'), 'WithoutDeadLetters');
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));`;
  const file = join(out, 'bare.mjs');
  writeFileSync(file, app);
  symlinkSync(join(checkout, 'node_modules'), join(out, 'node_modules'));
  const { status, stdout, stderr } = spawnSync(
    'cdk',
    ['synth', '--quiet', '--app', `node ${file}`, '--output', join(out, 'bare')],
    { cwd: out, env: { PATH: path.join(':'), HOME: out }, encoding: 'utf8' },
  );
  expect(status).toBe(1);
  expect(stdout + stderr).toContain('AwsSolutions-SQS3');
});

test('cfn-lint has nothing to say either', async () => {
  const venv = await ensureVenv(
    join(checkout, '.hivemind', 'tools'),
    join(checkout, 'infra', 'requirements.txt'),
  );
  const files = templates().map((file) => join(out, file));
  expect(files.length).toBeGreaterThan(0);
  const { status, stdout, stderr } = spawnSync(
    join(venv, 'bin', 'python'),
    [join(venv, 'bin', 'cfn-lint'), ...files],
    {
      encoding: 'utf8',
    },
  );
  expect({ status, stdout, stderr: status === 0 ? '' : stderr }).toEqual({
    status: 0,
    stdout: '',
    stderr: '',
  });
});

test('the templates name no account, no Region and no folder of the machine that made them', () => {
  for (const file of templates()) {
    const text = readFileSync(join(out, file), 'utf8');
    expect(text).not.toMatch(/\b\d{12}\b(?!\.)/);
    expect(text).not.toContain(checkout);
  }
});
