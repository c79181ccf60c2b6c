import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientConfig } from '#local/cloud/deploy.ts';
import type { Kills } from './backup-cast.ts';
import { everything, killsOf, kinds, type KilledKind } from './backup-kills.ts';
import type { TestCloud } from './cloud.ts';

/** Of what puts files in the place of others, or reads them from a backup: in a test of their own. */
export const ofFiles: readonly KilledKind[] = ['refill', 'readArchive', 'importInPlace', 'archiveDrill'];

/** How long a test may take. */
export const patience = { timeout: everything ? 3_600_000 : 900_000 };

/** Each kill of each operation, by whom this cloud's tests call as. */
export async function allKills(cloud: TestCloud): Promise<Kills> {
  const credentials = cloud.file.cliUser;
  const sts = new STSClient({ ...clientConfig(cloud.file), ...(credentials && { credentials }) });
  const { UserId: userId = '' } = await sts.send(new GetCallerIdentityCommand({}));
  const nameOf = (kind: KilledKind): string => cloud.unique(`kill-${kind.toLowerCase()}`);
  const of = (kind: KilledKind) => [kind, killsOf(kind, { userId, nameOf })] as const;
  return Object.fromEntries(kinds.map(of)) as unknown as Kills;
}

/** How many kills happened, each once, and how many there are, of these operations. */
export async function killCounts(
  cloud: TestCloud,
  kills: Kills,
  some: readonly KilledKind[],
): Promise<Record<'happened' | 'meant', number>> {
  const meant = new Set(some.flatMap((kind) => kills[kind].map(({ key }) => key)));
  const status = await cloud.edge.faultStatus();
  const happened = status.filter(({ id, injected }) => meant.has(id) && injected === 1).length;
  process.stdout.write(`${happened} of ${meant.size} kills happened\n`);
  return { happened, meant: meant.size };
}
