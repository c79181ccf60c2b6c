import type { World } from '../world.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import type { Answer, System } from './system.ts';

/** An address that does not exist outside EC2 takes this long to be sure of. */
const patience = 1000;

/**
 * Asks for a token over a socket that is deaf to packets with a TTL of 1 (IP_MINTTL). The hop limit is that TTL: if a
 * token comes through, it reaches containers too. Node cannot set the option; Python can.
 */
const hopProbe = `
import socket, sys
conn = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
conn.setsockopt(socket.IPPROTO_IP, 21, 2)
conn.sendall(("PUT /latest/api/token HTTP/1.1\\r\\nHost: " + sys.argv[1] +
  "\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n").encode())
try: print("heard" if conn.recv(64) else "deaf")
except (TimeoutError, ConnectionResetError): print("deaf")
`;

/**
 * Checks the instance metadata service: with IMDSv1, or a hop limit above 1, each container of this host can take the
 * host's credentials, and is the host. Says nothing where there is no metadata service.
 */
export async function checkMetadata({ env }: World, system: System): Promise<Finding[]> {
  const base = (env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? 'http://169.254.169.254').replace(/\/+$/, '');
  const get = (headers: Record<string, string>): Promise<Answer | undefined> =>
    system.request({ url: `${base}/latest/meta-data/instance-id`, headers, timeout: patience });
  const token = await system.request({
    url: `${base}/latest/api/token`,
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    timeout: patience,
  });
  if (token?.status !== 200) return [];
  const plain = await get({});
  const id = (await get({ 'x-aws-ec2-metadata-token': token.text }))?.text ?? 'INSTANCE-ID';
  const v2 = plain?.status === 200 ? open('imds', 'IMDSv1 is on', id) : ok('imds', `IMDSv2 only, on ${id}`);
  return [v2, await checkHops(system, new URL(base), id)];
}

async function checkHops(system: System, { hostname, port }: URL, id: string): Promise<Finding> {
  const { stdout } = await system.run('python3', ['-c', hopProbe, hostname, port === '' ? '80' : port], 5000);
  if (stdout.trim() === 'deaf') return ok('hop limit', '1');
  if (stdout.trim() === 'heard') return open('hop limit', 'above 1', id);
  return warn('hop limit', 'cannot be tried without python3', 'apt-get install python3');
}

function open(check: string, what: string, id: string): Finding {
  return fail(
    check,
    `${what}: each container is this host`,
    `aws ec2 modify-instance-metadata-options --instance-id ${id} --http-tokens required --http-put-response-hop-limit 1`,
  );
}
