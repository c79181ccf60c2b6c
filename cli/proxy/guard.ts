import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ProductError } from '#shared/model/errors.ts';

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);
const json = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/**
 * Refuses what a foreign web page could make a browser send.
 *
 * - Host: a name that is not loopback's means DNS rebinding.
 * - Origin, Sec-Fetch-Site: another site's script or form.
 * - A body that is not JSON: what a plain form can post without a preflight, also from browsers without Origin.
 *
 * @throws ProductError AccessDenied or UnsupportedMediaType
 */
export function guard({ method = 'GET', headers }: IncomingMessage, port: number): void {
  demandLoopback(headers.host, port);
  if (headers.origin !== undefined) demandOwnOrigin(headers.origin, port);
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new ProductError('AccessDenied', 'The call comes from another site.', {
      value: `Sec-Fetch-Site: ${String(site)}`,
      allowed: 'same-origin or none',
    });
  }
  if (method !== 'GET' && method !== 'HEAD') demandJson(headers);
}

function demandLoopback(host: string | undefined, port: number): void {
  const [name, given] = splitPort(host ?? '');
  if (loopbackNames.has(name.toLowerCase()) && (given === undefined ? port === 80 : given === String(port)))
    return;
  throw new ProductError('AccessDenied', 'The Host header does not name this proxy.', {
    value: host ?? '',
    allowed: `localhost:${port}, 127.0.0.1:${port} or [::1]:${port}`,
  });
}

function demandOwnOrigin(origin: string, port: number): void {
  const own = [...loopbackNames].map((name) => `http://${name}${port === 80 ? '' : `:${port}`}`);
  if (own.includes(origin.toLowerCase())) return;
  throw new ProductError('AccessDenied', 'The call comes from another origin.', {
    value: origin,
    allowed: own.join(', '),
  });
}

function demandJson(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'];
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (type === undefined ? !hasBody : json.test(type)) return;
  throw new ProductError('UnsupportedMediaType', 'The body must be JSON.', {
    value: type ?? '',
    allowed: 'Content-Type: application/json',
  });
}

function splitPort(host: string): [string, string | undefined] {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host);
  return match === null ? ['', undefined] : [match[1] ?? '', match[2]];
}
