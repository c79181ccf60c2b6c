import { ProductError } from '#shared/model/errors.ts';

const timeoutMs = 2_000;
const tokenSeconds = '60';

/** The Region: as configured, else AWS_REGION, else the instance's own (IMDSv2). */
export async function resolveRegion(
  configured: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const told = configured ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  if (told !== undefined && told !== '') return told;
  const base = environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? 'http://169.254.169.254';
  try {
    const token = await text(`${base}/latest/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': tokenSeconds },
    });
    return await text(`${base}/latest/meta-data/placement/region`, {
      headers: { 'x-aws-ec2-metadata-token': token },
    });
  } catch (cause) {
    throw new ProductError('InvalidInput', 'The AWS Region is not known.', {
      hint: 'Set "region" in the configuration, or AWS_REGION.',
      cause,
    });
  }
}

async function text(url: string, init: RequestInit): Promise<string> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  if (!answer.ok) {
    throw new ProductError('Unavailable', `The instance metadata service answered ${answer.status}.`);
  }
  return (await answer.text()).trim();
}
