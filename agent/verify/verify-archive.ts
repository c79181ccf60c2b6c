import { reportedOutput, type VerifyReport } from '#shared/model/verify.ts';
import type { Repository } from '#agent/restic/repository.ts';
import { notArchived } from './archived.ts';
import { runCheck } from './check-command.ts';
import { compareEntries, readEverything } from './compare.ts';
import type { ManifestReader } from './manifest.ts';
import { refuseLate } from './patience.ts';
import { Tally } from './tally.ts';

export interface VerifyArchiveRequest {
  readonly backupId: string;
  readonly snapshotId: string;
  /** Where the files stand in the snapshot. */
  readonly path: string;
  /** Empty; the files go there. */
  readonly directory: string;
  readonly manifest: ManifestReader | undefined;
  readonly check: { readonly command: string; readonly timeoutMs: number } | undefined;
  /** How long restore and comparison may take, in milliseconds. */
  readonly patienceMs: number;
  /** Aborted when the agent is to end. */
  readonly stopping: AbortSignal;
}

/**
 * Restores an archive into an empty directory, and compares every file there with the manifest that was made beside it, and that
 * owes nothing to restic. Then the repository says of itself whether it is whole.
 * @throws ProductError StorageFailed where the snapshot is none of the backup; TimedOut when it takes too long; what restic
 *   says when it cannot restore
 */
export async function verifyArchive(
  repository: Repository,
  request: VerifyArchiveRequest,
): Promise<VerifyReport> {
  const { directory, path, snapshotId, manifest, patienceMs, stopping } = request;
  const now = (): number => performance.now();
  const began = now();
  const seconds = (): number => Math.round(now() - began) / 1000;
  const tally = new Tally();
  await repository.unlock();
  await repository.restoreOwn(request, { directory, path });
  const mountSeconds = seconds();
  const check = (): void => refuseLate({ now, until: began + patienceMs, stopping });
  const subject = { root: directory, tally, check, skip: notArchived };
  if (manifest === undefined) await readEverything(subject);
  else {
    if (manifest.head.snapshotId !== snapshotId) tally.say('the manifest is that of another archive'); // guard: drill-own-manifest
    await compareEntries(subject, manifest);
  }
  const checked = request.check === undefined ? undefined : await runCheck({ ...request.check, directory });
  const { clean, output } = await repository.check();
  const { entries, compared, hashed, wrong, mismatches } = tally;
  return {
    outcome: clean && wrong === 0 && (checked?.code ?? 0) === 0 ? 'passed' : 'failed',
    filesystemCheck: { clean, output: output.slice(-reportedOutput) },
    manifest: manifest !== undefined,
    archive: true,
    mark: false,
    entries,
    compared,
    hashed,
    wrong,
    mismatches,
    ...(checked === undefined ? {} : { check: checked }),
    mountSeconds,
    seconds: seconds(),
  };
}
