import { tagKeys } from '#shared/model/tags.ts';
import type { Backup } from '#shared/model/backup.ts';
import { namespace, type Seen, type Subject } from './subject.ts';
import type { TestCloud } from './cloud.ts';

/** What there is of one volume: ids, sorted, so that what is lost, doubled or left over shows in a comparison. */
interface Fact {
  readonly name: string;
  readonly ebs: readonly string[];
  /** Host and state of each attachment that AWS knows of. */
  readonly hosts: readonly string[];
  readonly snapshots: readonly string[];
  readonly accessPoints: readonly string[];
}

export interface Facts {
  readonly volumes: readonly Fact[];
  /** A recovery point is of the whole file system, so of no volume: those that were made since the test began. */
  readonly recoveryPoints: readonly string[];
}

interface Tagged {
  readonly id: string;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
}

const idOf = ({ name, volume }: Subject, { live }: Seen): string | undefined =>
  live.get(name)?.id ?? volume?.id;

const idsOf = (things: readonly Tagged[], volumeId: string | undefined): string[] =>
  things
    .filter(({ tags }) => tags.some(({ Key, Value }) => Key === tagKeys.volumeId && Value === volumeId))
    .map(({ id }) => id)
    .sort();

/** The recovery points that AWS has. */
export async function recoveryPointsOf({ storage }: TestCloud): Promise<string[]> {
  const points = await storage.recoveryPoints();
  return points.filter(({ status }) => status !== 'DELETING').map(({ arn }) => arn);
}

/** What AWS has of each volume, whoever made it; `before` are recovery points that are not looked at. */
export async function realFacts(cloud: TestCloud, { subjects, seen, before }: Question): Promise<Facts> {
  const { storage } = cloud;
  const volumes = await storage.volumes();
  const accessPoints = (await storage.accessPoints()).filter(({ state }) => state !== 'deleting');
  const snapshots = await storage.snapshots();
  const attachments = await storage.attachments();
  const facts = subjects.map((subject) => {
    const id = idOf(subject, seen);
    const ebs = idsOf(volumes, id);
    const where = attachments.filter(({ volumeId }) => ebs.includes(volumeId));
    return {
      name: subject.name,
      ebs,
      hosts: where.map(({ instanceId, state }) => `${instanceId} ${state}`),
      snapshots: idsOf(snapshots, id),
      accessPoints: idsOf(accessPoints, id),
    };
  });
  const points = await recoveryPointsOf(cloud);
  return { volumes: facts, recoveryPoints: points.filter((arn) => !before.has(arn)).sort() };
}

/** What the records say that AWS has. */
export async function recordedFacts(
  { api }: TestCloud,
  { subjects, seen, before }: Question,
): Promise<Facts> {
  const { body } = await api.call('listBackups', { params: { namespace }, query: { limit: 1000 } });
  const facts = subjects.map((subject) => {
    const id = idOf(subject, seen);
    const { storage, hosts = [] } = seen.live.get(subject.name) ?? seen.deleted.get(id ?? '') ?? {};
    return {
      name: subject.name,
      ebs: storage?.kind === 'ebs' ? [storage.volumeId] : [],
      hosts: storage?.kind === 'ebs' ? hosts.map((host) => `${host} attached`) : [],
      snapshots: body.items
        .filter(({ volumeId }) => volumeId === id)
        .flatMap(snapshotOf)
        .sort(),
      accessPoints: storage?.kind === 'efs' ? [storage.accessPointId] : [],
    };
  });
  const points = new Set(body.items.flatMap(recoveryPointOf));
  return { volumes: facts, recoveryPoints: [...points].filter((arn) => !before.has(arn)).sort() };
}

interface Question {
  readonly subjects: readonly Subject[];
  readonly seen: Seen;
  readonly before: ReadonlySet<string>;
}

const snapshotOf = ({ storage }: Backup): string[] =>
  storage?.kind === 'snapshot' ? [storage.snapshotId] : [];
const recoveryPointOf = ({ storage }: Backup): string[] =>
  storage?.kind === 'recovery-point' ? [storage.recoveryPointArn] : [];
