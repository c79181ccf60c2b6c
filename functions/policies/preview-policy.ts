import type { PolicyItem } from '#shared/model/policy-items.ts';
import { nextTicks, type PolicyPreview, type PreviewedVolume } from '#shared/model/policy.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { drillHistory, whyNoDrill } from '#shared/model/rules-drill.ts';
import { whyNoBackup } from '#shared/model/rules-policy.ts';
import type { Volume } from '#shared/model/volume.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import { newestGood } from './newest-good.ts';
import { drillsOf } from './overdue.ts';
import type { PolicyPorts } from './ports.ts';
import { momentOf, planRetention, type Retained } from './retain.ts';
import { findPolicy } from './view.ts';

const shownRuns = 5;
/** Each volume's backups are read. */
const defaultVolumes = 50;
const mostVolumes = 200;

/** What the policy would do right now; changes nothing. @throws ProductError PolicyNotFound */
export async function previewPolicy(
  ports: PolicyPorts,
  on: { readonly namespace: string; readonly policy: string },
  query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<PolicyPreview> {
  const policy = await findPolicy(ports.table, on.namespace, on.policy);
  const { items, cursor } = await listVolumes(ports, on.namespace, {
    label: [policy.selector],
    limit: Math.min(query.limit ?? defaultVolumes, mostVolumes),
    cursor: query.cursor,
  });
  const { drill, timezone, repository } = policy;
  const now = ports.clock();
  const runs = nextTicks(policy, now, shownRuns);
  const drills = drill === undefined ? [] : nextTicks({ schedule: drill, timezone }, now, shownRuns);
  return {
    timezone,
    nextRuns: runs.map((run) => run.toISOString()),
    nextDrills: drills.map((run) => run.toISOString()),
    ...(repository === undefined ? {} : { repository }),
    items: await mapLimit(items, 10, (volume) => previewed(ports, policy, volume)),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

/** When it was last proven that its backups restore, and what a drill would look at. */
async function proofOf(
  { table }: PolicyPorts,
  { drill }: PolicyItem,
  volume: Volume,
): Promise<Pick<PreviewedVolume, 'verifiedAt' | 'drills' | 'notDrilled'>> {
  const { passed } = drillHistory(await drillsOf(table, volume.id));
  const verified = passed === undefined ? {} : { verifiedAt: passed.at };
  if (drill === undefined) return verified;
  const never = whyNoDrill(volume);
  if (never !== undefined) return { ...verified, notDrilled: never };
  const backup = await newestGood(table, volume.id);
  if (backup === undefined) return { ...verified, notDrilled: 'it has no good backup' };
  if (backup.verified !== undefined) return { ...verified, notDrilled: `${backup.id} has passed a drill` };
  return { ...verified, drills: backup.id };
}

async function previewed(ports: PolicyPorts, policy: PolicyItem, volume: Volume): Promise<PreviewedVolume> {
  const places = (await planRetention(ports, policy, volume.id)).map(previewedIn);
  const skipped = whyNoBackup(volume);
  return {
    volumeId: volume.id,
    volume: volume.name,
    ...(skipped === undefined ? {} : { skipped }),
    ...(await proofOf(ports, policy, volume)),
    kept: places.flatMap(({ kept }) => kept),
    pruned: places.flatMap(({ pruned }) => pruned),
  };
}

function previewedIn({ plan, backups }: Retained): Pick<PreviewedVolume, 'kept' | 'pruned'> {
  const of = (id: string) => {
    const backup = backups.get(id);
    const region = backup?.origin === 'copy' ? { region: backup.region } : {};
    return { backup: id, at: backup === undefined ? '' : momentOf(backup), ...region };
  };
  return {
    kept: [...plan.kept].map(([id, rules]) => ({
      ...of(id),
      rules: [...rules],
      protected: [...(plan.protected.get(id) ?? [])],
    })),
    pruned: plan.pruned.map(of),
  };
}
