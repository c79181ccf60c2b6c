import { defineConfig } from 'vitest/config';

const minutes = (n: number): number => n * 60_000;

/** One project per kind of test; test/README.md defines the kinds. */
const kinds = [
  { name: 'unit', timeout: minutes(0.5), parallel: true },
  { name: 'infra', timeout: minutes(3), parallel: true },
  { name: 'integration', timeout: minutes(3), parallel: false },
  { name: 'e2e', timeout: minutes(10), parallel: false },
];

export default defineConfig({
  test: {
    allowOnly: false,
    projects: kinds.map(({ name, timeout, parallel }) => ({
      extends: true as const,
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        // One private local cloud for all end-to-end files.
        globalSetup: name === 'e2e' ? ['test/e2e/harness/global-setup.ts'] : [],
        testTimeout: timeout,
        hookTimeout: timeout,
        fileParallelism: parallel,
      },
    })),
  },
});
