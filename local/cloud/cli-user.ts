import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateUserCommand,
  EntityAlreadyExistsException,
  IAMClient,
} from '@aws-sdk/client-iam';
import { updateCloud, writeJson, type CloudFile } from './cloud-file.ts';
import { clientConfig } from './deploy.ts';
import { CloudError } from './errors.ts';

const UserName = 'hivemind-cli';

/** The CLI speaks as an IAM user with the stack's admin policy, never as the deployer. */
export async function ensureCliUser(cloud: CloudFile): Promise<CloudFile> {
  if (cloud.cliUser !== undefined) return cloud;
  const PolicyArn = cloud.stack?.['AdminPolicyArn'];
  if (PolicyArn === undefined)
    throw new CloudError('DeployFailed', 'The stack has no output AdminPolicyArn.');
  const iam = new IAMClient(clientConfig(cloud));
  await iam.send(new CreateUserCommand({ UserName })).catch((error: unknown) => {
    if (!(error instanceof EntityAlreadyExistsException)) throw error;
  });
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  if (!AccessKey?.AccessKeyId || !AccessKey.SecretAccessKey)
    throw new CloudError('DeployFailed', `IAM gave no access key for ${UserName}.`);
  return updateCloud(cloud.home, {
    cliUser: { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey },
  });
}

export function cliConfigPath(home: string): string {
  return join(home, 'cli', 'config.json');
}

/** Writes the CLI's config file and `HOME/bin/hivemind`, which reads it unless the person has a config of their own. */
export function installCli(cloud: CloudFile): void {
  const config = cliConfigPath(cloud.home);
  writeJson(config, {
    endpoint: `http://127.0.0.1:${cloud.ports.api}`,
    region: cloud.region,
    namespace: 'default',
    credentials: cloud.cliUser,
  });
  giveToCaller(config);
  const bin = join(cloud.home, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'hivemind'), wrapper(cloud.home, config));
  chmodSync(join(bin, 'hivemind'), 0o755);
}

function wrapper(home: string, config: string): string {
  const runtime = join(home, 'runtime');
  return `#!/bin/sh
# Made by "npm run up": the hivemind CLI against the local cloud, unless there is a config file of your own.
if [ -z "\${HIVEMIND_CONFIG:-}" ] && [ ! -e "\${XDG_CONFIG_HOME:-\${HOME:-/root}/.config}/hivemind/config.json" ]; then
  HIVEMIND_CONFIG='${config}'
  export HIVEMIND_CONFIG
fi
exec '${join(runtime, 'node')}' '${join(runtime, 'bundles', 'hivemind.mjs')}' "$@"
`;
}

/** Under sudo the file belongs to the person who called it: mode 600 must not lock them out. */
function giveToCaller(path: string): void {
  const uid = Number(process.env['SUDO_UID']);
  const gid = Number(process.env['SUDO_GID']);
  if (Number.isInteger(uid) && Number.isInteger(gid)) chownSync(path, uid, gid);
}

/** Where `hivemind` is found from a shell, and from cron, whose PATH is /usr/bin:/bin. */
const onPath = ['/usr/local/bin/hivemind', '/usr/bin/hivemind'];

/** Links `hivemind` into PATH; a file that is not our link is left alone and named. */
export function linkCli(home: string, links: readonly string[] = onPath): string[] {
  const target = cliOf(home);
  return links.filter((link) => {
    if (isOurs(link)) rmSync(link);
    else if (existsSync(link)) return true;
    symlinkSync(target, link);
    return false;
  });
}

export function unlinkCli(home: string, links: readonly string[] = onPath): void {
  for (const link of links) if (leadsTo(link, home)) rmSync(link);
}

/** How a person calls the CLI of this cloud. */
export function cliCommand(home: string, links: readonly string[] = onPath): string {
  return links.some((link) => leadsTo(link, home)) ? 'hivemind' : cliOf(home);
}

const cliOf = (home: string): string => join(home, 'bin', 'hivemind');

const leadsTo = (link: string, home: string): boolean => isOurs(link) && readlinkSync(link) === cliOf(home);

function isOurs(link: string): boolean {
  const found = lstatSync(link, { throwIfNoEntry: false });
  return found?.isSymbolicLink() === true && readlinkSync(link).endsWith('/bin/hivemind');
}
