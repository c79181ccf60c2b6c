import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { backupCrashPoints } from '#shared/model/crash-points-backups.ts';
import { hostedCrashPoints } from '#shared/model/crash-points-hosted.ts';
import { crashPoints, type Effect } from '#shared/model/crash-points.ts';

function row({ by, service, action, what }: Effect, at: number): string {
  return `| ${at + 1} | ${by} | ${service} ${action} | ${what} |`;
}

it.each(Object.entries<readonly Effect[]>({ ...crashPoints, ...backupCrashPoints, ...hostedCrashPoints }))(
  'docs/crash-points.md lists the effects of %s',
  (kind, effects) => {
    const page = readFileSync('docs/crash-points.md', 'utf8');
    expect(page).toContain(
      [`## ${kind}`, '', '| | by | call | what |', '|---|---|---|---|', ...effects.map(row)].join('\n'),
    );
  },
);
