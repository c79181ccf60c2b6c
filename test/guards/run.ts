import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guards, type Guard } from '#shared/model/guards.ts';
import { mapLimit } from '#shared/model/map-limit.ts';

/*
 * `npm run test:guards [NAME…]`: each guard's test must pass as the source is, and must fail when the guard's line is switched
 * off. A guard whose test still passes without it is not proven by that test.
 */

interface Verdict {
  readonly passed: number;
  readonly failed: number;
}

/** Runs at a time; each is a process of its own. */
const atOnce = 2;

async function run(test: string, off?: string): Promise<Verdict> {
  const scratch = await mkdtemp(join(tmpdir(), 'guards-'));
  const report = join(scratch, 'report.json');
  const args = [
    'run',
    '--config',
    'test/guards/vitest.config.ts',
    '--reporter=json',
    `--outputFile=${report}`,
    test,
  ];
  const env = { ...process.env, ...(off === undefined ? {} : { GUARD_OFF: off }) };
  try {
    await new Promise<void>((resolve) => execFile('vitest', args, { env }, () => resolve()));
    const { numPassedTests, numFailedTests } = JSON.parse(await readFile(report, 'utf8')) as Report;
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 0 };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

function say(ok: boolean, line: string): boolean {
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${line}\n`);
  return ok;
}

async function holdsAsItIs(test: string): Promise<boolean> {
  const { passed, failed } = await run(test);
  return say(passed > 0 && failed === 0, `${test}: ${passed} tests pass with every guard on`);
}

async function isProven([name, { contract, test }]: [string, Guard]): Promise<boolean> {
  const { failed } = await run(test, name);
  const what = failed > 0 ? 'is noticed when it is off' : `may be off and ${test} does not fail`;
  return say(failed > 0, `contract ${contract}: ${name} ${what}`);
}

async function main(names: readonly string[]): Promise<number> {
  const chosen = Object.entries<Guard>(guards).filter(([name]) => names.length === 0 || names.includes(name));
  const tests = [...new Set(chosen.map(([, { test }]) => test))];
  const sound = await mapLimit(tests, atOnce, holdsAsItIs);
  const proven = await mapLimit(chosen, atOnce, isProven);
  const bad = [...sound, ...proven].filter((ok) => !ok).length;
  process.stdout.write(`${proven.filter((ok) => ok).length} of ${chosen.length} guards proven\n`);
  return bad === 0 && chosen.length > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
