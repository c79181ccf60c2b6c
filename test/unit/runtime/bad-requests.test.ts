import { describe, expect, it } from 'vitest';
import { errorCodes, isProductError } from '#shared/model/errors.ts';
import { routes } from '#shared/model/routes.ts';
import { ApiWorld } from '#test/support/api-world.ts';
import { RouteTable } from '#shared/runtime/match-route.ts';
import { badHostRequests } from '#test/support/bad-host-requests.ts';
import { badRequests as ofPeople } from '#test/support/bad-requests.ts';

const badRequests = [...ofPeople, ...badHostRequests];

const tables = (['volumes', 'backups', 'hosts'] as const).map((served) => new RouteTable(served));

/** The route that a request reaches, if any. */
function routeOf(method: string, path: string): string | undefined {
  const names = tables.map((table) => {
    try {
      return table.match(method, path).name;
    } catch (error) {
      if (isProductError(error)) return undefined;
      throw error;
    }
  });
  return names.find((name) => name !== undefined);
}

describe('bad requests', () => {
  it('are there for every route but one that takes nothing', () => {
    const reached = new Set(badRequests.map(([, { method = 'GET', path }]) => routeOf(method, path)));
    expect(Object.keys(routes).filter((name) => !reached.has(name))).toEqual(['whoAmI']);
  });

  it('are at least 150, each once', () => {
    expect(badRequests.length).toBeGreaterThanOrEqual(150);
    expect(new Set(badRequests.map((one) => JSON.stringify(one[1]))).size).toBe(badRequests.length);
    expect(new Set(badRequests.map(([title]) => title)).size).toBe(badRequests.length);
  });

  it('each get exactly their problem document (bad-requests.json), and change nothing', async () => {
    const api = new ApiWorld();
    const problems: Record<string, unknown> = {};
    for (const [title, request] of badRequests) {
      const { status, headers, body } = await api.send(request);
      expect([title, headers['content-type']]).toEqual([title, 'application/problem+json']);
      expect([title, status]).toEqual([title, body.status]);
      expect([title, Object.keys(errorCodes)]).toEqual([title, expect.arrayContaining([body.code])]);
      problems[title] = body;
    }
    expect(api.world.store.items.size).toBe(0);
    expect(api.log.filter(({ level }) => level === 'error')).toEqual([]);
    await expect(`${JSON.stringify(problems, null, 1)}\n`).toMatchFileSnapshot('bad-requests.json');
  });
});

it('a method that a path does not take is named by whichever function gets it', () => {
  for (const table of tables)
    expect(() => table.match('PUT', '/v1/namespaces/default/policies/none')).toThrow(
      expect.objectContaining({
        code: 'MethodNotAllowed',
        details: expect.objectContaining({ allowed: 'GET, PATCH, DELETE' }),
      }),
    );
});
