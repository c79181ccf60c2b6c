import type { Credentials } from '#shared/client/client.ts';
import type { TestHost } from './host.ts';

const IMDS = 'http://169.254.169.254/latest';

interface SessionDocument {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

/** The keys of a host's role session, as anything on that host gets them: from its IMDS. */
export async function hostSession(host: TestHost): Promise<Required<Omit<Credentials, 'expiration'>>> {
  const ttl = 'X-aws-ec2-metadata-token-ttl-seconds: 60';
  const token = await host.run('curl', '-sSf', '-X', 'PUT', '-H', ttl, `${IMDS}/api/token`);
  const get = (path: string): Promise<string> =>
    host.run('curl', '-sSf', '-H', `X-aws-ec2-metadata-token: ${token}`, `${IMDS}/${path}`);
  const role = await get('meta-data/iam/security-credentials/');
  const document = JSON.parse(await get(`meta-data/iam/security-credentials/${role}`)) as SessionDocument;
  return {
    accessKeyId: document.AccessKeyId,
    secretAccessKey: document.SecretAccessKey,
    sessionToken: document.Token,
  };
}
