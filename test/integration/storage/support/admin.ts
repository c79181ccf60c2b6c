import { request } from 'node:http';

/** One call of the storage service's admin interface; JSON in, JSON out. */
export async function adminCall<T = unknown>(socketPath: string, line: string, body?: unknown): Promise<T> {
  const [method = 'GET', path = '/'] = line.split(' ');
  return await new Promise((resolve, reject) => {
    const call = request(
      { socketPath, method, path, headers: { 'content-type': 'application/json' } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode === 200) resolve(JSON.parse(text) as T);
          else reject(new AdminError(`${line}: ${response.statusCode ?? 0} ${text}`));
        });
      },
    );
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

class AdminError extends Error {
  override readonly name = 'AdminError';
}
