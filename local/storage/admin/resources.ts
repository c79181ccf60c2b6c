import type { Cloud } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Tag } from '../state/entities.ts';

/** What authorisation wants to know of a resource. */
export interface ResourceFacts {
  readonly tags: Readonly<Record<string, string>>;
  readonly instanceId?: string;
  readonly fileSystemId?: string;
}

/** Facts of the resource with this id or ARN. @throws AwsError 404 when there is none */
export function resourceFacts(cloud: Cloud, idOrArn: string): ResourceFacts {
  const point = cloud.store.get('recoveryPoints', idOrArn);
  if (point) return { tags: point.tags, fileSystemId: lastPart(point.resourceArn) };
  const id = lastPart(idOrArn);
  const { store } = cloud;
  const accessPoint = store.get('accessPoints', id);
  if (accessPoint) return { tags: plain(accessPoint.tags), fileSystemId: accessPoint.fileSystemId };
  const target = store.get('mountTargets', id);
  if (target) return { tags: {}, fileSystemId: target.fileSystemId };
  const volume = store.get('volumes', id);
  const holder = store.get('attachments', id)?.instanceId;
  if (volume) return { tags: plain(volume.tags), ...(holder === undefined ? {} : { instanceId: holder }) };
  const other = store.get('snapshots', id) ?? store.get('instances', id) ?? store.get('fileSystems', id);
  if (other) return { tags: plain(other.tags) };
  throw new AwsError('NotFound', `There is no resource ${idOrArn}`, { status: 404 });
}

const lastPart = (idOrArn: string): string => idOrArn.replace(/^.*[/]/, '');
const plain = (tags: readonly Tag[]): Record<string, string> =>
  Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
