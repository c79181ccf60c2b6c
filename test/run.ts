import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { becomeRoot } from '#local/become-root.ts';
import { baseTools, dockerTools, ensurePrerequisites, testTools } from '#local/cloud/prerequisites.ts';
import { progressOn } from '#local/cloud/progress.ts';

/*
 * `npm test`: the static checks, then every kind of test, the cheap ones first. Goes on after a failure, so that one run
 * tells everything, and ends with one line that counts. `npm test -- unit infra` runs those parts alone.
 */

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What failed and how, to be read again at the end: the place where it was first said is thousands of lines back. */
  readonly failures?: readonly string[];
}

interface Part {
  readonly name: string;
  /** It mounts. */
  readonly needsRoot?: boolean;
  readonly run: (scratch: string) => Count;
}

/** Runs a tool with its output shown. */
function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'inherit' }).status === 0;
}

/** A check that passes or fails as a whole. */
function check(name: string, command: string, ...args: readonly string[]): Part {
  return { name, run: () => (succeeds(command, args) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }) };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Why the file as a whole failed: an import, a hook. Else empty. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** Each failed test, and each file that failed as a whole, with its messages. */
function failuresOf({ testResults }: VitestReport): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative('.', name);
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => [`${file}: ${test.fullName}`, ...(test.failureMessages ?? [])].join('\n'))
      .map((text) => text.replace(/^ +at .*node_modules.*\n?/gm, ''));
    return status === 'failed' && message !== '' ? [`${file}\n${message}`, ...tests] : tests;
  });
}

/** One kind of test: counted from vitest's own report; a run that ends badly without a failed test counts as one. */
function kind(name: string, needsRoot = false): Part {
  return {
    name,
    needsRoot,
    run: (scratch) => {
      const report = join(scratch, `${name}.json`);
      const ok = succeeds('vitest', [
        'run',
        '--project',
        // End-to-end tests are two projects: those that run beside others, and those that run alone.
        name === 'e2e' ? 'e2e*' : name,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ]);
      if (!existsSync(report)) return { passed: 0, failed: 1 };
      const read = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
      return {
        passed: read.numPassedTests,
        failed: ok ? read.numFailedTests : Math.max(1, read.numFailedTests),
        failures: failuresOf(read),
      };
    },
  };
}

const parts: readonly Part[] = [
  check('typecheck', 'tsc', '-b'),
  check('lint', 'oxlint', '--deny-warnings'),
  check('format', 'prettier', '--check', '--log-level', 'warn', '.'),
  check('unused', 'knip'),
  kind('unit'),
  kind('infra'),
  kind('integration', true),
  kind('e2e', true),
];

async function main(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `No such part: ${unknown.join(', ')}. Parts: ${parts.map(({ name }) => name).join(', ')}.\n`,
    );
    return 2;
  }
  const asked = parts.filter((part) => wanted.length === 0 || wanted.includes(part.name));
  if (asked.some(({ needsRoot }) => needsRoot)) becomeRoot();
  await ensurePrerequisites({
    tools: [...baseTools, ...dockerTools, ...testTools],
    progress: progressOn(process.stdout),
  });
  const scratch = mkdtempSync(join(tmpdir(), 'hivemind-report-'));
  const total = { passed: 0, failed: 0 };
  const failedParts: string[] = [];
  const failedTests: string[] = [];
  for (const { name, run } of asked) {
    const started = performance.now();
    process.stdout.write(`\n== ${name}\n`);
    const { passed, failed, failures = [] } = run(scratch);
    process.stdout.write(
      `== ${name}: ${passed} passed, ${failed} failed (${((performance.now() - started) / 1000).toFixed(0)} s)\n`,
    );
    total.passed += passed;
    total.failed += failed;
    if (failed > 0) failedParts.push(name);
    failedTests.push(...failures);
  }
  rmSync(scratch, { recursive: true, force: true });
  for (const failure of failedTests) process.stdout.write(`\n${failure}\n`);
  if (failedParts.length > 0) process.stdout.write(`\nFailed: ${failedParts.join(', ')}\n`);
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
