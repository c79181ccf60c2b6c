import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { agentPackage } from '#infra/agent-package.ts';
import { missing, resourcesOf, synthesise } from './support/synth.ts';

const { hosts: template, stacks } = synthesise();
const out = mkdtempSync(join(tmpdir(), 'hivemind-package-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

test('the package holds the agent, its installer and a Node.js that runs it', () => {
  const { bundling } = agentPackage();
  expect(bundling?.local?.tryBundle(out, bundling)).toBe(true);
  execFileSync('tar', ['-xzf', join(out, 'hivemind-agent.tar.gz'), '-C', out]);
  const list = execFileSync('tar', ['-tf', join(out, 'hivemind-agent.tar.gz')], { encoding: 'utf8' });
  expect(list.trim().split('\n')).toEqual(
    expect.arrayContaining(['agent.mjs', 'hivemind-agent.service', 'imds-check.py', 'install.sh']),
  );
  const node = join(out, `node-linux-${process.arch}`);
  const version = execFileSync(node, [join(out, 'agent.mjs'), '--version'], { encoding: 'utf8' });
  expect(version.trim()).toMatch(/^\d+\.\d+\.\d+/);
});

/** The document's script: text, with REFERENCE for each reference. */
function installScript(): string {
  const [document] = Object.values(resourcesOf(template, 'AWS::SSM::Document'));
  const Content = z.object({
    mainSteps: z.tuple([z.object({ inputs: z.object({ runCommand: z.tuple([z.unknown()]) }) })]),
  });
  const [step] = Content.parse(document?.Properties['Content']).mainSteps;
  const Joined = z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) });
  const [glue, parts] = Joined.parse(step.inputs.runCommand[0])['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : 'REFERENCE')).join(glue);
}

test('the document of Systems Manager runs a whole script on Linux', () => {
  expect(
    missing(template, 'AWS::SSM::Document', { Name: 'HivemindInstallAgent', DocumentType: 'Command' }),
  ).toBe('');
  const script = installScript();
  expect(script).toMatch(/^#!\/bin\/bash\nPACKAGE_URL=\S+\nAPI_ENDPOINT=\S+\nREGION=REFERENCE\n/);
  expect(execFileSync('bash', ['-n'], { input: script, encoding: 'utf8' })).toBe('');
});

test('instances of the launch template are hosts that containers cannot be', () => {
  const [host] = Object.values(resourcesOf(template, 'AWS::EC2::LaunchTemplate'));
  expect(host?.Properties).toMatchObject({
    LaunchTemplateName: 'HivemindHost',
    LaunchTemplateData: {
      IamInstanceProfile: { Name: 'HivemindHost' },
      MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    },
  });
});

test('a host may read this one package of the bucket, and nothing else of it', () => {
  const [policy] = Object.values(resourcesOf(template, 'AWS::IAM::ManagedPolicy'));
  const text = JSON.stringify(policy?.Properties['PolicyDocument']);
  expect(text.match(/"s3:[A-Za-z*]+"/g)).toEqual(['"s3:GetObject"']);
  expect(text).toMatch(/cdk-hnb659fds-assets-[^*]*\/[0-9a-f]{64}/);
});

test('the stack leaves the control plane as it is', () => {
  expect(stacks.hosts.dependencies.map((stack) => stack.stackName)).toContain('HivemindControlPlane');
  expect(stacks.controlPlane.dependencies.filter((stack) => stack instanceof Stack)).not.toContain(
    stacks.hosts,
  );
});
