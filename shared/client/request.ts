import { parseInput } from '#shared/model/invalid-input.ts';
import type { AnyCall, AnyRoute } from './types.ts';

/** A request before it is signed. */
export interface PlainRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Makes the request of a call: placeholders filled, lists as repeated query keys, the body as JSON. */
export function buildRequest(endpoint: string, route: AnyRoute, call: AnyCall): PlainRequest {
  // Checked here as well as there: a name such as ".." would make another path.
  const params = route.params === undefined ? {} : parseInput(route.params, call.params ?? {}, 'path');
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(params[name])),
  );
  const url = new URL(`${endpoint.replace(/\/+$/, '')}${path}`);
  for (const [name, value] of Object.entries(call.query ?? {})) appendQuery(url, name, value);
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return {
    method: route.method,
    url,
    body,
    headers: {
      accept: 'application/json, application/problem+json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    },
  };
}

function appendQuery(url: URL, name: string, value: unknown): void {
  if (value === undefined) return;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const one of values) url.searchParams.append(name, String(one));
}
