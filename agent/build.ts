import { build } from 'esbuild';

/** Bundles the agent to one file that plain node runs: `node agent/build.ts [OUTFILE]`. */
const outfile = process.argv[2] ?? 'dist/agent.mjs';

await build({
  entryPoints: [new URL('main.ts', import.meta.url).pathname],
  outfile,
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: 'warning',
});
