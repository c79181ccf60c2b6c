import type { Drill, DrillOutcome } from './drill.ts';
import type { ErrorCode } from './errors.ts';
import type { BackupItem, HostItem, OperationItem } from './items.ts';
import type { VerifyReport } from './verify.ts';

/** A host that may look into a restored copy. */
export interface DrillHost {
  readonly host: HostItem;
  readonly seenAt: string;
  /** EBS volumes that it has or is getting. */
  readonly slotsUsed: number;
}

/** A host that has not been heard of for so long has no agent that could look. */
const silentAfter = 5 * 60_000;

/** Running, heard of lately, with a slot to spare; in the volume's own zone where there is one, else the one with most room. */
export function chooseDrillHost(
  hosts: readonly DrillHost[],
  { source }: Pick<BackupItem, 'source'>,
  now: Date,
): HostItem | undefined {
  const able = hosts.filter((candidate) => isAble(candidate, now));
  const isHome = ({ host }: DrillHost): number => (host.availabilityZone === source.availabilityZone ? 0 : 1);
  const room = ({ host, slotsUsed }: DrillHost): number => host.maxAttachments - slotsUsed;
  return able.toSorted((a, b) => isHome(a) - isHome(b) || room(b) - room(a))[0]?.host;
}

function isAble({ host, seenAt, slotsUsed }: DrillHost, now: Date): boolean {
  const isHeardOf = now.getTime() - Date.parse(seenAt) < silentAfter;
  const isRunning = host.instanceState === 'running' && !host.draining;
  return isRunning && isHeardOf && host.drivers.includes('ebs') && slotsUsed < host.maxAttachments;
}

export interface DrillFailure {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
}

export function noDrillHost(
  { namespace }: Pick<BackupItem, 'namespace'>,
  host?: string,
  after = 'The backup is as it was; only its drill is overdue.',
): DrillFailure {
  const who = host ?? `No host of namespace "${namespace}"`;
  return {
    code: 'HostNotFound',
    detail: `${who} can${host === undefined ? '' : 'not'} look into a copy: it must run, be heard of, not be drained, and have a slot for a volume.`,
    hint: `Look at the hosts: hivemind host ls. ${after}`,
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

function passText({ manifest, mark, compared, hashed, check }: VerifyReport): string {
  const looked = manifest
    ? `${compared} entries and the contents of ${hashed} files are as at the cut${mark ? '' : ' (without a mark)'}`
    : `no manifest: ${hashed} files were read to their ends, and nothing is known of what they should hold`;
  return `The filesystem is clean; ${looked}${check === undefined ? '' : '; the check passed'}.`;
}

function failText({ filesystemCheck, wrong, mismatches, check }: VerifyReport): string {
  const reasons = [
    ...(wrong === 0 ? [] : [`${wrong} mismatches, such as ${mismatches[0] ?? 'one'}`]),
    ...(filesystemCheck.clean ? [] : [`the filesystem check: ${filesystemCheck.output.slice(-300)}`]),
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
