import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { World } from '../world.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import type { HostChecks } from './host.checks.ts';
import type { Answer } from './system.ts';

/** An address that does not exist outside EC2 takes this long to be sure of. */
const patience = 1000;

/**
 * Checks the instance metadata service: with IMDSv1, or a hop limit above 1, each container of this host can take the
 * host's credentials, and is the host. Says nothing where there is no metadata service.
 */
export async function checkMetadata(world: World, checks: HostChecks): Promise<Finding[]> {
  const base = (world.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? 'http://169.254.169.254').replace(
    /\/+$/,
    '',
  );
  const get = (path: string, headers: Record<string, string>): Promise<Answer | undefined> =>
    checks.system.request({ url: `${base}/latest/${path}`, headers, timeout: patience });
  const token = await checks.system.request({
    url: `${base}/latest/api/token`,
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    timeout: patience,
  });
  if (token?.status !== 200) return [];
  const plain = await get('meta-data/instance-id', {});
  const id = (await get('meta-data/instance-id', { 'x-aws-ec2-metadata-token': token.text }))?.text ?? '';
  return [
    plain?.status === 200 ? v1IsOn(id) : ok('imds', `IMDSv2 only on ${id}`),
    await checkHops(world, checks, id),
  ];
}

const remedy = (id: string): string =>
  `aws ec2 modify-instance-metadata-options --instance-id ${id} --http-tokens required --http-put-response-hop-limit 1`;

function v1IsOn(id: string): Finding {
  return fail('imds', `IMDSv1 is on for ${id}: each container is this host`, remedy(id));
}

/** The instance cannot read its own hop limit; EC2 tells, to those who may ask. */
async function checkHops(world: World, checks: HostChecks, id: string): Promise<Finding> {
  const limit = await readHopLimit(world, checks, id);
  if (limit === undefined) {
    return warn(
      'hop limit',
      'EC2 does not tell it to these credentials',
      `with ec2:DescribeInstances: aws ec2 describe-instances --instance-ids ${id} --query 'Reservations[].Instances[].MetadataOptions'`,
    );
  }
  return limit === 1
    ? ok('hop limit', '1')
    : fail('hop limit', `${limit}: each container is this host`, remedy(id));
}

async function readHopLimit(
  { env }: World,
  { system, region, credentials }: HostChecks,
  id: string,
): Promise<number | undefined> {
  if (region === undefined || credentials === undefined) return undefined;
  const endpoint =
    env['AWS_ENDPOINT_URL_EC2'] ?? env['AWS_ENDPOINT_URL'] ?? `https://ec2.${region}.amazonaws.com`;
  const url = new URL('/', endpoint);
  const signer = new SignatureV4({ service: 'ec2', region, credentials, sha256: Sha256 });
  const { method, headers, body } = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: '/',
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
    body: `Action=DescribeInstances&Version=2016-11-15&InstanceId.1=${encodeURIComponent(id)}`,
  });
  const answer = await system.request({ url: url.href, method, headers, body: String(body), timeout: 5000 });
  const limit = /<httpPutResponseHopLimit>(\d+)</.exec(answer?.text ?? '')?.[1];
  return answer?.status === 200 && limit !== undefined ? Number(limit) : undefined;
}
