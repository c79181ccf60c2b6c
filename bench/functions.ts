import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { checkout } from '#local/cloud/runtime.ts';
import { sideBySide, type Comparison } from './measure.ts';

interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}
interface TemplateResource {
  readonly Type: string;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly Properties?: {
    readonly FunctionName?: string;
    readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> };
  };
}

interface Bundle {
  readonly name: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The functions as the deployment bundled them: from the cloud assembly of the local cloud. */
function bundlesOf(assembly: string): Bundle[] {
  return readdirSync(assembly)
    .filter((name) => name.endsWith('.template.json'))
    .flatMap((name) =>
      Object.values((JSON.parse(readFileSync(join(assembly, name), 'utf8')) as Template).Resources),
    )
    .filter(
      ({ Type, Metadata }) =>
        Type === 'AWS::Lambda::Function' && typeof Metadata?.['aws:asset:path'] === 'string',
    )
    .map(({ Metadata, Properties }) => ({
      name: Properties?.FunctionName ?? '',
      file: join(assembly, String(Metadata?.['aws:asset:path']), 'index.mjs'),
      environment: Object.fromEntries(
        Object.entries(Properties?.Environment?.Variables ?? {}).map(([key, value]) => [
          key,
          typeof value === 'string' ? value : '1',
        ]),
      ),
    }));
}

const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

/** Powertools' smallest useful handler (logger, metrics, tracer in middy), bundled as ours are. */
function minimalHandler(scratch: string): Bundle {
  const source = `
import middy from '@middy/core';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
export const handler = middy().use(captureLambdaHandler(new Tracer())).use(injectLambdaContext(new Logger())).use(logMetrics(new Metrics({ namespace: 'x' }))).handler(async () => 'ok');
`;
  const file = join(scratch, 'index.mjs');
  buildSync({
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    stdin: { contents: source, resolveDir: checkout },
    outfile: file,
    banner: { js: banner },
    logLevel: 'error',
  });
  return { name: 'Powertools minimal handler', file, environment: {} };
}

/** Milliseconds from the start of the import to its end, in a process of its own. */
function initTime({ file, environment }: Bundle): number {
  const program = `const t = performance.now(); await import(${JSON.stringify(file)}); process.stdout.write(String(performance.now() - t)); process.exit(0)`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: {
      ...environment,
      AWS_REGION: 'us-east-1',
      POWERTOOLS_TRACE_ENABLED: 'false',
      PATH: process.env['PATH'],
    },
  });
  const time = Number(stdout.trim().split('\n').at(-1));
  if (!(time > 0)) process.stderr.write(`init of ${file} failed: ${stderr}\n`);
  return time;
}

/** Size and init time of each function's bundle, beside Powertools' minimal handler. */
export async function functionBundles(home: string): Promise<Comparison[]> {
  const scratch = join(home, 'bench-minimal');
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, 'package.json'), '{"type":"module"}');
  const minimal = minimalHandler(scratch);
  const rows: Comparison[] = [];
  const size = ({ file }: Bundle): number => statSync(file).size / 1024;
  for (const bundle of bundlesOf(join(home, 'cdk.out'))) {
    const pair = { against: minimal.name, runs: 7 };
    rows.push(
      await sideBySide({
        ...pair,
        what: `\`${bundle.name}\` bundle`,
        unit: 'KiB',
        runs: 1,
        ours: () => size(bundle),
        theirs: () => size(minimal),
      }),
    );
    rows.push(
      await sideBySide({
        ...pair,
        what: `\`${bundle.name}\` init`,
        unit: 'ms',
        ours: () => initTime(bundle),
        theirs: () => initTime(minimal),
      }),
    );
  }
  rmSync(scratch, { recursive: true, force: true });
  return rows;
}
