import { describe, expect, it } from 'vitest';
import { errorCodes } from '#shared/model/errors.ts';
import { ApiWorld } from '#test/support/api-world.ts';
import { badRequests } from '#test/support/bad-requests.ts';

describe('bad requests', () => {
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
