import type { Drill, DrillOutcome } from './drill.ts';
import type { ErrorCode } from './errors.ts';
import type { BackupItem, DrilledItem, HostItem, OperationItem } from './items.ts';
import type { VerifyReport } from './verify.ts';
import type { Volume } from './volume.ts';

/** A host that may look into a restored copy. */
export interface DrillHost {
  readonly host: HostItem;
  readonly seenAt: string;
  /** EBS volumes that it has or is getting. */
  readonly slotsUsed: number;
}

/** A host that has not been heard of for so long has no agent that could look. */
const silentAfter = 5 * 60_000;

/**
 * Running, heard of lately, and for a copy that is attached with a slot to spare; in the volume's own zone where there is one,
 * else the one with most room. For files any that runs.
 */
export function chooseDrillHost(
  hosts: readonly DrillHost[],
  { source, kind }: Pick<BackupItem, 'source' | 'kind'>,
  { now, sparing = false }: { readonly now: Date; readonly sparing?: boolean },
): HostItem | undefined {
  const { driver } = source;
  const hasRoom = (candidate: DrillHost): boolean =>
    driver !== 'ebs' ||
    (sparing ? hasPlenty(candidate) : candidate.slotsUsed < candidate.host.maxAttachments);
  // Of files: into a directory of its own. Whether it has restic, and the room, only itself can say.
  const fits = (candidate: DrillHost): boolean =>
    kind === 'archive' || (candidate.host.drivers.includes(driver) && hasRoom(candidate));
  const able = hosts.filter((candidate) => isAble(candidate, now) && fits(candidate));
  const isHome = ({ host }: DrillHost): number => (host.availabilityZone === source.availabilityZone ? 0 : 1);
  const room = ({ host, slotsUsed }: DrillHost): number => host.maxAttachments - slotsUsed;
  return able.toSorted((a, b) => isHome(a) - isHome(b) || room(b) - room(a))[0]?.host;
}

/** For what touches no volume, any host will do: one of the volume's zone where there is one, of those the one heard of last. */
export function chooseReader(
  hosts: readonly DrillHost[],
  { source }: Pick<BackupItem, 'source'>,
  { now }: { readonly now: Date },
): HostItem | undefined {
  const isHome = ({ host }: DrillHost): number => (host.availabilityZone === source.availabilityZone ? 0 : 1);
  return hosts
    .filter((candidate) => isAble(candidate, now))
    .toSorted((a, b) => isHome(a) - isHome(b) || Date.parse(b.seenAt) - Date.parse(a.seenAt))[0]?.host;
}

function isAble({ host, seenAt }: DrillHost, now: Date): boolean {
  const isHeardOf = now.getTime() - Date.parse(seenAt) < silentAfter;
  return isHeardOf && host.instanceState === 'running' && !host.draining;
}

/** Drills that nobody waits for leave a quarter of a host's slots to volumes. */
function hasPlenty({ host: { maxAttachments }, slotsUsed }: DrillHost): boolean {
  return slotsUsed < maxAttachments - Math.floor(maxAttachments / 4);
}

/** Why no drill would be begun of a volume's backups; undefined where one would. */
export function whyNoDrill({ driver, type }: Pick<Volume, 'driver' | 'type'>): string | undefined {
  return driver === 'tmpfs' ? `${type} volumes have no backups to drill` : undefined;
}

/** What the last drills of a volume's backups come to. */
export interface DrillHistory {
  readonly passed: DrilledItem | undefined;
  /** Failed, and none has passed since. */
  readonly failed: DrilledItem | undefined;
  /** Could not be tried, and none came to a finding since. */
  readonly untried: DrilledItem | undefined;
}

/** From the last drill of each outcome. */
export function drillHistory(last: readonly DrilledItem[]): DrillHistory {
  const of = (outcome: DrillOutcome) => last.find((one) => one.outcome === outcome);
  const [passed, failed, overdue] = [of('passed'), of('failed'), of('overdue')];
  const isAfter = (one: DrilledItem | undefined, other: DrilledItem | undefined): boolean =>
    one !== undefined && (other === undefined || one.at > other.at);
  return {
    passed,
    failed: isAfter(failed, passed) ? failed : undefined,
    untried: isAfter(overdue, passed) && isAfter(overdue, failed) ? overdue : undefined,
  };
}

/** What is kept of a drill with the volume. */
export function drilledOf({ id, volumeId }: Pick<BackupItem, 'id' | 'volumeId'>, drill: Drill): DrilledItem {
  const { outcome, at, seconds, restoreSeconds = seconds } = drill;
  return { volumeId, outcome, backupId: id, at, restoreSeconds };
}

export interface DrillFailure {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
}

export function noDrillHost(
  { namespace, kind }: Pick<BackupItem, 'namespace' | 'kind'>,
  host?: string,
  after = 'The backup is as it was; only its drill is overdue.',
): DrillFailure {
  const who = host ?? `No host of namespace "${namespace}"`;
  const must = 'it must run, be heard of, not be drained';
  const what = kind === 'archive' ? `${must}, and have restic` : `${must}, and have a slot for a volume`;
  return {
    code: 'HostNotFound',
    detail: `${who} can${host === undefined ? '' : 'not'} look into a copy: ${what}.`,
    hint: `Look at the hosts: hivemind host ls. ${after}`,
  };
}

/** As {@link noDrillHost}, of what touches no volume. */
export function noReader({ namespace }: Pick<BackupItem, 'namespace'>, host?: string): DrillFailure {
  const who = host ?? `No host of namespace "${namespace}"`;
  return {
    code: 'HostNotFound',
    detail: `${who} can${host === undefined ? '' : 'not'} read the backup: it must run, be heard of, and not be drained.`,
    hint: 'Look at the hosts: hivemind host ls. Or restore the backup to a new volume.',
  };
}

/** What a scratch volume is for. */
export type ScratchUse = 'drill' | 'browse' | 'extract';

/** Of a volume without a name of its own. */
export function scratchName(volumeId: string, use: ScratchUse): string {
  return `${use}-${volumeId.replace('vol-', '').toLowerCase()}`;
}

/** What a drill found, before it is written down. */
export interface DrillFinding {
  readonly outcome: DrillOutcome;
  readonly detail: string;
  readonly report?: VerifyReport | undefined;
}

/** The host's report, as the outcome of a drill and in a sentence. */
export function judgeReport(report: VerifyReport): DrillFinding {
  const detail = report.outcome === 'passed' ? passText(report) : failText(report);
  return { outcome: report.outcome, detail: detail.slice(0, 2048), report };
}

function passText(report: VerifyReport): string {
  const { manifest, live, archive = false, mark, compared, hashed, check } = report;
  if (live !== undefined) return `${filesText(report)}${check === undefined ? '' : '; the check passed'}.`;
  const looked = manifest
    ? `${compared} entries and the contents of ${hashed} files are as at the cut${mark || archive ? '' : ' (without a mark)'}`
    : `no manifest: ${hashed} files were read to their ends, and nothing is known of what they should hold`;
  return `The ${archive ? 'repository' : 'filesystem'} is clean; ${looked}${check === undefined ? '' : '; the check passed'}.`;
}

/** Of what is no point in time. */
function filesText({ live, compared, hashed }: VerifyReport): string {
  const read = `${hashed} files were read to their ends`;
  return live === true
    ? `${read}, and ${compared} entries that the volume has not changed since the cut are as they are there`
    : `${read}; the volume is gone, so nothing is known of what they should hold`;
}

function failText({ archive, filesystemCheck, wrong, mismatches, check }: VerifyReport): string {
  const tool = archive === true ? 'restic check' : 'the filesystem check';
  const reasons = [
    ...(wrong === 0 ? [] : [`${wrong} mismatches, such as ${mismatches[0] ?? 'one'}`]),
    ...(filesystemCheck.clean ? [] : [`${tool}: ${filesystemCheck.output.slice(-300)}`]),
    ...((check?.code ?? 0) === 0
      ? []
      : [`the check ended with ${check?.code}: ${check?.output.slice(-300)}`]),
  ];
  return `${reasons.join('; ')}.`;
}

/** The record of a drill that has come to a finding. */
export function newDrill(
  { id, host, createdAt }: Pick<OperationItem, 'id' | 'host' | 'createdAt'>,
  { outcome, detail, report }: DrillFinding,
  { now, askedAt }: { readonly now: Date; readonly askedAt: string | undefined },
): Drill {
  const sinceBegin = (time: number): number => Math.max(0, (time - Date.parse(createdAt)) / 1000);
  const restored = askedAt === undefined || report === undefined;
  return {
    at: now.toISOString(),
    outcome,
    detail,
    operation: id,
    ...(host === undefined ? {} : { host }),
    ...(restored ? {} : { restoreSeconds: sinceBegin(Date.parse(askedAt)) + report.mountSeconds }),
    seconds: sinceBegin(now.getTime()),
    ...(report === undefined ? {} : { report }),
  };
}
