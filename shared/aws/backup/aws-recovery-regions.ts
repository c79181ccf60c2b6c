import type { BackupClient } from '@aws-sdk/client-backup';
import { AwsRecoveryPoints, backupClient } from './aws-recovery-points.ts';
import type { RecoveryPoints, RecoveryRegions } from './recovery-points.ts';

export interface AwsRecoveryRegionsOptions {
  /** Name of the vault of each Region, the deployment's own among them. */
  readonly vaults: Readonly<Record<string, string>>;
  /** That AWS Backup works under, in every Region. */
  readonly roleArn: string;
  readonly fileSystemArn: string;
  /** @default clients of that Region by the SDK's own chain */
  readonly client?: (region: string) => BackupClient;
}

/** Recovery points of several Regions by AWS Backup. */
export class AwsRecoveryRegions implements RecoveryRegions {
  readonly #options: AwsRecoveryRegionsOptions;
  readonly #clients = new Map<string, BackupClient>();

  constructor(options: AwsRecoveryRegionsOptions) {
    this.#options = options;
  }

  in(region: string, vault?: string): RecoveryPoints {
    const { vaults, roleArn, fileSystemArn } = this.#options;
    const vaultName = vault ?? vaults[region] ?? '';
    return new AwsRecoveryPoints({
      vaultName,
      roleArn,
      fileSystemArn,
      vaults,
      client: this.#clientOf(region),
    });
  }

  #clientOf(region: string): BackupClient {
    const known = this.#clients.get(region);
    if (known !== undefined) return known;
    const { client = backupClient } = this.#options;
    const made = client(region);
    this.#clients.set(region, made);
    return made;
  }
}
