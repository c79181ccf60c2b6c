import { defineConfig } from 'vitest/config';

/** Apart from the other kinds: it needs an endpoint, which only whoever runs it can name. */
export default defineConfig({
  test: {
    include: ['test/integration/api/*.suite.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
