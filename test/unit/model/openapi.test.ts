import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openApiDocument, openApiText } from '../../../scripts/openapi/document.ts';
import { errorCodes } from '#shared/model/errors.ts';
import { routes } from '#shared/model/routes.ts';
import { transitions } from '#shared/model/states.ts';
import { version } from '#functions/volumes/volume-routes.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('docs/openapi.json', () => {
  it('is what the contracts say; if not: npm run openapi', () => {
    expect(read('docs/openapi.json')).toBe(openApiText(version));
  });

  it('has the version of package.json', () => {
    expect((JSON.parse(read('package.json')) as { version: string }).version).toBe(version);
  });

  it('has every route, with its answers and the problem', () => {
    const { paths = {} } = openApiDocument('1');
    const operations = Object.values(paths).flatMap((path) => Object.values(path ?? {})) as {
      operationId: string;
      responses: Record<string, unknown>;
    }[];
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(routes).sort());
    for (const { operationId, responses } of operations) {
      const { answers } = routes[operationId as keyof typeof routes];
      expect(Object.keys(responses)).toEqual([...Object.keys(answers), 'default']);
    }
  });

  it('is in docs/api.md: each route and each error code once', () => {
    const text = read('docs/api.md');
    for (const { method, path } of Object.values(routes)) expect(text).toContain(`\`${method} ${path}\``);
    for (const code of Object.keys(errorCodes)) expect(text).toContain(`\`${code}\``);
  });

  it('and docs/api.md has the table of states', () => {
    const text = read('docs/api.md');
    for (const [state, next] of Object.entries(transitions)) {
      const row = new RegExp(
        `^\\| \`${state}\` \\| [^|]+ \\| ${next.map((one) => `\`${one}\``).join(', ')} \\|$`,
        'm',
      );
      expect(text).toMatch(row);
    }
  });
});
