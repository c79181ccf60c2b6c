import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { attempt } from '#local/hosts/exec.ts';
import { updateCloud, writeCloud, type CloudFile } from './cloud-file.ts';
import { CloudError } from './errors.ts';
import type { Progress } from './progress.ts';
import { checkout, sourceHash } from './runtime.ts';

/** Stacks that a local cloud deploys: all but the observability stack, whose alarm types the emulator refuses. */
export const stacks = ['HivemindStorage', 'HivemindControlPlane'] as const;

/** What decides whether a deployment is needed. */
export function deploymentHash(): string {
  return sourceHash(['infra', 'functions', 'shared', 'cdk.json', 'package-lock.json', 'agent']);
}

/** Root-like keys of the emulator: only the deployment and the local cloud's own parts use them. */
export const deployerCredentials = { accessKeyId: 'test', secretAccessKey: 'test' } as const;

/** What an SDK client needs to speak to this cloud as its deployer. */
interface ClientConfig {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string };
}

export function clientConfig(cloud: CloudFile): ClientConfig {
  return {
    region: cloud.region,
    endpoint: `http://127.0.0.1:${cloud.ports.aws}`,
    credentials: { ...deployerCredentials },
  };
}

function cdkEnvironment(cloud: CloudFile): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${cloud.ports.aws}`,
    AWS_ACCESS_KEY_ID: deployerCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: deployerCredentials.secretAccessKey,
    AWS_REGION: cloud.region,
    AWS_DEFAULT_REGION: cloud.region,
    CDK_DEFAULT_ACCOUNT: cloud.account,
    CDK_DEFAULT_REGION: cloud.region,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    // A profile of the person who runs this must not lead the deployment anywhere else.
    AWS_PROFILE: '',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

async function cdk(cloud: CloudFile, args: readonly string[]): Promise<void> {
  const command = join(checkout, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  const { exitCode, stdout, stderr } = await attempt(process.execPath, [command, ...args], {
    env: {
      ...cdkEnvironment(cloud),
      PATH: `${join(checkout, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
    },
    timeout: 900_000,
    cwd: checkout,
  });
  if (exitCode !== 0)
    throw new CloudError(
      'DeployFailed',
      `cdk ${args[0]} failed:\n${`${stdout}\n${stderr}`.trim().slice(-6000)}`,
    );
}

/**
 * The real `cdk bootstrap` and `cdk deploy` of the app that goes to an account, through AWS_ENDPOINT_URL. Does nothing
 * when what is deployed is what the sources say.
 */
export async function deploy(cloud: CloudFile, progress: Progress): Promise<CloudFile> {
  const hash = deploymentHash();
  const there = cloud.stack !== undefined && (await isDeployed(cloud));
  if (there && cloud.deployed === hash) return cloud;
  const out = join(cloud.home, 'cdk.out');
  const outputs = join(cloud.home, 'outputs.json');
  mkdirSync(out, { recursive: true });
  rmSync(outputs, { force: true });
  if (!there) {
    // An emulator that has lost its state has lost its users too.
    const { cliUser: _gone, ...rest } = cloud;
    writeCloud(rest);
    await progress.step('cdk bootstrap', () =>
      cdk(cloud, ['bootstrap', `aws://${cloud.account}/${cloud.region}`, '--output', out]),
    );
  }
  await progress.step('cdk deploy', () =>
    cdk(cloud, [
      'deploy',
      ...stacks,
      // Else the CDK also builds what stacks need that are not deployed here: the agent's package with its Node.js.
      '--exclusively',
      '--require-approval',
      'never',
      '--outputs-file',
      outputs,
      '--output',
      out,
      '--concurrency',
      '2',
      '--context',
      `hivemind:copyKeys=${copyKeys(cloud)}`,
      '--context',
      `hivemind:copyVaults=${copyRegion(cloud)}=${copyVault}`,
    ]),
  );
  const stack = readOutputs(outputs);
  return updateCloud(cloud.home, {
    deployed: hash,
    stack,
    ...(stack['ApiId'] === undefined ? {} : { apiId: stack['ApiId'] }),
  });
}

/** The vault there, which deployers make by hand. */
export const copyVault = 'hivemind-copies';

/** One other Region that backups may be copied to. */
export function copyRegion({ region }: Pick<CloudFile, 'region'>): string {
  return region === 'eu-west-1' ? 'us-east-1' : 'eu-west-1';
}

/** The storage service takes a key by its name, and encrypts nothing. */
function copyKeys({ region, account }: CloudFile): string {
  const other = copyRegion({ region });
  return `${other}=arn:aws:kms:${other}:${account}:key/00000000-0000-4000-8000-000000000000`;
}

/** Whether the emulator still has what it was given: its state can be wiped while cloud.json stays. */
async function isDeployed(cloud: CloudFile): Promise<boolean> {
  const formation = new CloudFormationClient(clientConfig(cloud));
  for (const StackName of stacks) {
    const found = await formation.send(new DescribeStacksCommand({ StackName })).catch(() => undefined);
    if (!found?.Stacks?.[0]?.StackStatus?.endsWith('_COMPLETE')) return false;
  }
  return true;
}

function readOutputs(path: string): Record<string, string> {
  const byStack = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, string>>;
  return Object.assign({}, ...Object.values(byStack)) as Record<string, string>;
}
