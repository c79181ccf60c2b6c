import { formatDuration } from '#shared/model/duration.ts';
import type { Policy, PolicyPreview, PolicyRun, PreviewedVolume } from '#shared/model/policy.ts';
import { wallClockAt } from '#shared/model/timezone.ts';
import { printable } from './printable.ts';
import { hooksText } from './hooks.ts';
import { details, table } from './table.ts';
import { ago, until } from './time.ts';
import type { Columns } from './volume.ts';

export function policyColumns(now: number): Columns<Policy> {
  return {
    NAME: ({ name }) => name,
    STATE: ({ state }) => state,
    SCHEDULE: ({ schedule }) => schedule,
    TIMEZONE: ({ timezone }) => timezone,
    SELECTOR: ({ selector }) => selector,
    KEEP: retentionText,
    NEXT: ({ nextRun }) => (nextRun === undefined ? '' : until(nextRun, now)),
  };
}

interface LastRuns {
  readonly runs: readonly PolicyRun[];
  readonly drillRuns: readonly PolicyRun[];
}

/** Everything about one policy and its last runs. */
export function policyDetails(policy: Policy, last: LastRuns, now: number): string {
  const objective = formatDuration(policy.objectiveSeconds);
  const text = details([
    ['Name', policy.name],
    ['Id', policy.id],
    ['Namespace', policy.namespace],
    ['Description', policy.description],
    ['State', policy.state],
    ['Schedule', `${policy.schedule} (${policy.timezone})`],
    ['Next run', policy.nextRun === undefined ? undefined : localText(policy.nextRun, policy.timezone)],
    ['Selector', policy.selector],
    ['Keep', retentionText(policy)],
    ['Copies in', policy.copyTo],
    ['Engine', policy.engine],
    ['Bucket', bucketText(policy)],
    ['Consistency', policy.consistency ?? (policy.hooks === undefined ? 'by the volume' : 'hooks')],
    ['Hooks', hooksText(policy.hooks)],
    ['Objective', policy.objective === undefined ? `${objective} (twice the longest gap)` : objective],
    ...drillRows(policy, last.drillRuns),
    ['Created', `${policy.createdAt} (${ago(policy.createdAt, now)}), by ${policy.createdBy}`],
  ]);
  const runs = last.runs.length === 0 ? 'It has not run yet.' : runsTable('RUN', last.runs, policy);
  const drills = last.drillRuns.length === 0 ? [] : [runsTable('DRILLS', last.drillRuns, policy)];
  return [text, runs, ...drills].join('\n\n');
}

function drillRows(policy: Policy, runs: readonly PolicyRun[]): [string, string | undefined][] {
  const { drill, timezone, drillObjectiveSeconds, nextDrill } = policy;
  const [last] = runs;
  const shown = last === undefined ? undefined : `${localText(last.at, timezone)}: ${last.state}`;
  if (drill === undefined || drillObjectiveSeconds === undefined)
    return [
      ['Drills', 'off'],
      ['Last drill', shown],
    ];
  return [
    ['Drills', `${drill} (${timezone}), overdue after ${formatDuration(drillObjectiveSeconds)}`],
    ['Last drill', shown ?? 'none yet'],
    ['Next drill', nextDrill === undefined ? undefined : localText(nextDrill, timezone)],
  ];
}

function runsTable(what: string, runs: readonly PolicyRun[], { timezone }: Policy): string {
  const rows = runs.map((run) => [
    run.id,
    localText(run.at, timezone),
    run.cause,
    run.state,
    countsText(run),
  ]);
  return table([what, 'TICK', 'CAUSE', 'STATE', 'VOLUMES'], rows);
}

function retentionText({ retention }: Policy): string {
  const rules = Object.entries(retention).map(([rule, count]) => `${rule} ${count}`);
  return rules.length === 0 ? 'all' : rules.join(', ');
}

export function countsText({ kind, counts }: PolicyRun): string {
  const { selected, open, made, ...rest } = counts;
  const good = kind === 'drill' ? { passed: made } : { made };
  const parts = Object.entries({ 'under way': open, ...good, ...rest }).filter(([, count]) => count > 0);
  return [`${selected} selected`, ...parts.map(([what, count]) => `${count} ${what}`)].join(', ');
}

/** Of one's own; undefined for the archive bucket. */
function bucketText({ repository }: Pick<Policy, 'repository'>): string | undefined {
  if (repository === undefined) return undefined;
  return `${repository.bucket} at ${repository.endpoint}, keys in ${repository.credentialsSecret}`;
}

/** What a policy would do now. */
export function previewText(preview: PolicyPreview): string {
  const { timezone, nextRuns, nextDrills, items } = preview;
  const bucket = bucketText(preview);
  const runs = nextRuns.map((run) => `  ${localText(run, timezone)}`);
  const drills = nextDrills.map((run) => `  ${localText(run, timezone)}`);
  const volumes = items.flatMap((item) => volumeLines(item, timezone));
  return [
    `Next runs (${timezone}):`,
    ...runs,
    ...(drills.length === 0 ? [] : ['', `Next drills (${timezone}):`, ...drills]),
    '',
    ...(bucket === undefined ? [] : [`Archives go to ${bucket}.`, '']),
    items.length === 0 ? 'It selects no volume.' : `It selects ${items.length} volumes:`,
    ...volumes,
  ].join('\n');
}

function volumeLines(item: PreviewedVolume, timezone: string): string[] {
  const { volume, skipped, kept, pruned } = item;
  return [
    `  ${printable(volume)}${skipped === undefined ? '' : `: no backup is made, ${printable(skipped)}`}`,
    ...drillLines(item, timezone),
    ...kept.map(({ backup, at, rules, protected: why, region }) => {
      const reasons = [...rules.map(({ rule, period }) => `${rule} ${period}`), ...why];
      return `    keep   ${backup}  ${localText(at, timezone)}  ${reasons.join(', ')}${copyText(region)}`;
    }),
    ...pruned.map(
      ({ backup, at, region }) => `    prune  ${backup}  ${localText(at, timezone)}${copyText(region)}`,
    ),
  ];
}

function copyText(region: string | undefined): string {
  return region === undefined ? '' : `  (copy in ${region})`;
}

function drillLines({ verifiedAt, drills, notDrilled }: PreviewedVolume, timezone: string): string[] {
  if (drills === undefined && notDrilled === undefined) return [];
  const last = verifiedAt === undefined ? 'never verified' : `verified ${localText(verifiedAt, timezone)}`;
  const next = drills === undefined ? `no drill, ${printable(notDrilled ?? '')}` : `drills ${drills}`;
  return [`    ${next}; ${last}`];
}

/** "2026-11-25 02:00", as a clock in that zone shows it. */
function localText(iso: string, timezone: string): string {
  const { year, month, day, hour, minute } = wallClockAt(Date.parse(iso), timezone);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}`;
}
