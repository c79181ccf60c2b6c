import { defineConfig } from 'vitest/config';
import { switchOff } from './marked-lines.ts';

const off = process.env['GUARD_OFF'];

/** Runs a test file over the product's source with one guard switched off (GUARD_OFF), or with all of them on. */
export default defineConfig({
  plugins: [
    {
      name: 'guard-off',
      enforce: 'pre',
      transform: (code) => (off === undefined ? undefined : switchOff(code, off)),
    },
  ],
  test: {
    include: ['test/{unit,integration}/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    bail: 1,
    // The cache knows nothing of GUARD_OFF.
    fsModuleCache: false,
  },
});
