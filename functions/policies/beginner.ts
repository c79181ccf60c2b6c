import type { OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { PolicyItem, RunItem, RunVolumeItem } from '#shared/model/policy-items.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { beginBackup, type Subject } from './begin-backup.ts';
import { beginDrill } from './begin-drill.ts';

/** How many volumes are begun at the same moment. Drills one after the other: each looks how many slots of hosts the others have taken. */
export const atOnce = ({ kind }: RunItem): number => (kind === 'drill' ? 1 : 5);

interface Beginning {
  readonly run: RunItem;
  readonly policy: PolicyItem;
  /** Operations of the run that are under way, by id. */
  readonly open: ReadonlyMap<string, OperationItem>;
}

export type Begin = (volume: Subject['volume']) => Promise<RunVolumeItem>;

/** What the run does with a volume. A refusal is the volume's own matter and is no error of the run. */
export function beginner(ports: Ports, { run, policy, open }: Beginning): Begin {
  if (run.kind === 'backup') return (volume) => beginBackup(ports, { run, policy, volume });
  const promised = new Map<string, number>();
  for (const { host, status } of open.values())
    if (host !== undefined && !isFinished(status)) promised.set(host, 1 + (promised.get(host) ?? 0));
  return (volume) => beginDrill(ports, { run, policy, volume }, promised);
}
