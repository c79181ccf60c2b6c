import { ProductError } from './errors.ts';
import type { BackupItem } from './items.ts';

/** Where copies of backups may be: the deployment's own Region, and those that it has a key in. */
export interface CopyRegions {
  readonly home: string;
  readonly others: readonly string[];
  /** Those of the others that copies of recovery points may be in too: the deployment names a vault of AWS Backup there. */
  readonly vaults: readonly string[];
}

/** How a Region is added, for whoever needs one. */
const howToAdd =
  'To add a Region, make a KMS key in it and deploy with hivemind:copyKeys; see the administration guide.';

/** The same for recovery points. */
const howToAddVault =
  'To add one, make a vault of AWS Backup in that Region and deploy with hivemind:copyVaults; see the administration guide.';

/** @throws ProductError InvalidInput for a Region that the deployment has no key in; it names those that are allowed */
export function refuseUnknownRegion(
  region: string,
  { home, others }: Pick<CopyRegions, 'home' | 'others'>,
): void {
  if (region === home || others.includes(region)) return;
  const allowed = others.length === 0 ? `${home} only` : [...others, home].join(', ');
  throw new ProductError(
    'InvalidInput',
    `This deployment has no key in ${region}: no copy can be made there.`,
    {
      value: region,
      allowed,
      hint: howToAdd,
    },
  );
}

/**
 * @param allowed the Regions that have a vault
 * @throws ProductError InvalidInput for one that the deployment names no vault in
 */
export function refuseWithoutVault(region: string, allowed: readonly string[]): void {
  if (allowed.includes(region)) return;
  throw new ProductError(
    'InvalidInput',
    `This deployment has no vault of AWS Backup in ${region}: no copy of a recovery point can be made there.`,
    { value: region, allowed: allowed.join(', ') || 'none', hint: howToAddVault },
  );
}

/** @throws ProductError InvalidInput for a policy's copies in a Region without a key, or in the deployment's own */
export function refuseCopyTo(region: string, regions: Pick<CopyRegions, 'home' | 'others'>): void {
  refuseUnknownRegion(region, regions);
  if (region !== regions.home) return;
  throw new ProductError('InvalidInput', `${region} is where the backups themselves are.`, {
    value: region,
    allowed: regions.others.join(', ') || 'none',
    hint: howToAdd,
  });
}

/**
 * Whether a copy of the backup may be begun.
 * @throws ProductError InvalidInput for a Region without a key or a vault, or the one that it is in; NotSupported for a kind that has no copies;
 *   IllegalState for a backup that is not complete
 */
export function decideCopy(source: BackupItem, region: string, regions: CopyRegions): void {
  refuseUnknownRegion(region, regions);
  const { id, kind, state } = source;
  if (region === source.region)
    throw new ProductError('InvalidInput', `The backup ${id} is in ${region} already.`, {
      value: region,
      allowed: [...regions.others, regions.home].filter((other) => other !== region).join(', ') || 'none',
      hint: howToAdd,
    });
  if (kind === 'archive')
    throw new ProductError('NotSupported', `The backup ${id} is ${kind}: it has no copies in this release.`, {
      value: kind,
      allowed: 'snapshots of local volumes, recovery points of network volumes',
    });
  if (kind === 'recovery-point') refuseWithoutVault(region, [...regions.vaults, regions.home]);
  if (state !== 'available')
    throw new ProductError('IllegalState', `The backup ${id} is ${state}.`, {
      value: state,
      about: { backup: id },
      hint: 'Copy one that is available: hivemind backup ls.',
    });
}

/** What a copy that is about to be made says of itself. */
export interface NewCopy {
  readonly id: string;
  readonly region: string;
  readonly description: string;
  /** The policy whose rules prune it. */
  readonly policy?: string | undefined;
  readonly caller: string;
  readonly operation: string;
  readonly now: Date;
}

/** What shares a recovery point shares its copy in a Region. At most 128 characters. */
function copyRun(region: string, arn: string): string {
  return `${region}/${arn.slice(arn.lastIndexOf(':') + 1)}`.slice(0, 128);
}

/** The record of a copy that is being made: of the same moment as what it is made from. */
export function newCopy(source: BackupItem, parts: NewCopy): BackupItem {
  const { storage, drill: _drill, verified: _verified, completedAt: _completed, ...kept } = source;
  // Its manifest is the original's, and goes with that.
  const { holdReason: _hold, reason: _reason, run: _run, manifest: _manifest, ...shown } = kept;
  const at = parts.now.toISOString();
  return {
    ...shown,
    id: parts.id,
    state: 'creating',
    origin: 'copy',
    policy: parts.policy,
    description: parts.description,
    region: parts.region,
    // Whatever the original is: every copy is under a key.
    source: { ...source.source, encrypted: true },
    ...(storage?.kind === 'recovery-point' ? { run: copyRun(parts.region, storage.recoveryPointArn) } : {}),
    copyOf: source.id,
    held: false,
    operation: parts.operation,
    users: [],
    createdAt: at,
    createdBy: parts.caller,
    updatedAt: at,
    revision: 1,
  };
}

/** @throws ProductError NotSupported for a backup that is in another Region than the deployment: it says how to get it back */
export function refuseElsewhere({ id, region, copyOf }: BackupItem, home: string): void {
  if (region === home) return;
  const original =
    copyOf === undefined ? '' : ` Or use what it was made from, while that is there: ${copyOf}.`;
  throw new ProductError('NotSupported', `The backup ${id} is in ${region}: volumes are made in ${home}.`, {
    value: region,
    allowed: `backups in ${home}`,
    about: { backup: id },
    hint: `Copy it back first: hivemind backup copy ${id} --region ${home}. Then use that copy.${original}`,
  });
}
