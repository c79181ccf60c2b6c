import { isProductError, type ErrorCode } from '#shared/model/errors.ts';
import type { RunVolumeItem } from '#shared/model/policy-items.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { callOf, patienceMs, stateOf, type Subject } from './begin-backup.ts';
import { newestGood } from './newest-good.ts';

/** No host has room right now: another drill is about to end. */
const passing: ReadonlySet<ErrorCode> = new Set(['HostNotFound']);

/**
 * Begins the run's drill of one volume's newest good backup. Its key derives from run and volume: however often this is
 * called, there is one. It waits for a host with room as long as a run is patient, then its drill is overdue.
 * @param promised - slots of hosts that the run's drills take; this one's is added
 */
export async function beginDrill(
  ports: Ports,
  { run, volume }: Subject,
  promised: Map<string, number>,
): Promise<RunVolumeItem> {
  const now = ports.clock();
  const { volumeId, volume: name, since = now.toISOString() } = volume;
  const waitedMs = now.getTime() - Date.parse(since);
  const item = { runId: run.id, volumeId, volume: name, since };
  const backup = await newestGood(ports.table, volumeId);
  if (backup === undefined) return { ...item, state: 'skipped', reason: 'It has no good backup.' };
  const { id, verified } = backup;
  // One that this very run has proven was begun by it.
  if (verified !== undefined && verified.at < run.startedAt)
    return { ...item, state: 'skipped', backup: id, reason: `${id} has passed a drill at ${verified.at}.` };
  try {
    const request = { backup: id, sparing: true, waitsForHost: waitedMs < patienceMs, promised };
    const { body } = await drillBackup(ports, callOf(run, volumeId), request);
    if (body.host !== undefined) promised.set(body.host, 1 + (promised.get(body.host) ?? 0));
    return { ...item, state: 'begun', operation: body.id, backup: body.backup };
  } catch (error) {
    if (!isProductError(error)) throw error;
    const state = passing.has(error.code) ? 'waiting' : stateOf(error, waitedMs);
    return { ...item, state, backup: id, reason: error.message };
  }
}
