import { ProductError } from '#shared/model/errors.ts';
import { routes, type Route, type RouteName } from '#shared/model/routes.ts';

export interface Matched {
  readonly name: RouteName;
  readonly route: Route;
  /** Placeholders' values, decoded, not yet checked. */
  readonly params: Readonly<Record<string, string>>;
}

interface Pattern {
  readonly name: RouteName;
  readonly route: Route;
  readonly parts: readonly string[];
}

/** Every route of the API: a method that a path does not take may reach a function that does not serve the path. */
const patterns: readonly Pattern[] = (Object.entries(routes) as [RouteName, Route][]).map(
  ([name, route]) => ({ name, route, parts: route.path.split('/') }),
);

/** Finds the route of a method and a path among those that one function serves. */
export class RouteTable {
  readonly #served: Route['served'];

  constructor(served: Route['served']) {
    this.#served = served;
  }

  /** @throws ProductError RouteNotFound, or MethodNotAllowed naming the methods that the path takes. */
  match(method: string, path: string): Matched {
    const parts = path.split('/').map(decode);
    const found = patterns.flatMap((pattern) => {
      const params = paramsOf(pattern.parts, parts);
      return params === undefined ? [] : [{ ...pattern, params }];
    });
    const match = found.find(({ route }) => route.method === method);
    if (match?.route.served === this.#served) return match;
    if (found.length === 0 || match !== undefined) {
      throw new ProductError('RouteNotFound', `There is nothing at ${shorten(path)}.`, {
        value: shorten(path),
        hint: 'docs/api.md lists the routes.',
      });
    }
    const allowed = [...new Set(found.map(({ route }) => route.method))].join(', ');
    throw new ProductError('MethodNotAllowed', `${shorten(path)} does not take ${method}.`, {
      value: method,
      allowed,
    });
  }
}

function paramsOf(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, expected] of pattern.entries()) {
    const part = parts[at] ?? '';
    if (expected.startsWith('{')) params[expected.slice(1, -1)] = part;
    else if (expected !== part) return undefined;
  }
  return params;
}

/** What cannot be decoded stays as it is, and is refused by the parameter's own schema. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function shorten(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}…` : path;
}
