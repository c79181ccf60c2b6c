import { chmodSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

/**
 * Bundles the CLI into one small file, beside it a folder of the same name with what commands load when they run: one
 * file for all of it takes Node 20 ms to parse, and `--help` needs a tenth of it. Both run from anywhere.
 */
export async function buildCli(outfile: string): Promise<void> {
  const { dir, name, ext } = path.parse(path.resolve(outfile));
  await build({
    entryPoints: [{ in: path.join(path.dirname(fileURLToPath(import.meta.url)), 'main.ts'), out: name }],
    outdir: dir,
    outExtension: { '.js': ext },
    chunkNames: `${name}/[name]-[hash]`,
    splitting: true,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    logLevel: 'warning',
  });
  chmodSync(outfile, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await buildCli(process.argv[2] ?? 'dist/hivemind.mjs');
