import { basename } from 'node:path';
import { mapLimit } from '#shared/model/map-limit.ts';
import { continueBackupLater } from './backup/backup-jobs.ts';
import { continueCopyLater } from './backup/copy-jobs.ts';
import { finishDeletePointLater } from './backup/recovery-points.ts';
import { continueRestoreLater } from './backup/restore-jobs.ts';
import { fenceLoop, loopsUnder } from './bytes/loops.ts';
import type { Cloud } from './cloud.ts';
import { finishAttachLater, finishDetachLater } from './ec2/attachments.ts';
import { recordFenced, watchFenced } from './ec2/devices.ts';
import { finishModifyLater } from './ec2/modifications.ts';
import { finishPowerLater, settleDevices } from './ec2/power.ts';
import { finishSnapshotLater } from './ec2/snapshots.ts';
import { finishCreateLater, finishDeleteLater } from './ec2/volumes.ts';
import { finishAccessPointLater } from './efs/access-points.ts';
import { finishFileSystemLater } from './efs/file-systems.ts';
import { finishMountTargetLater } from './efs/mount-targets.ts';
import type { Attachment } from './state/entities.ts';

/** After a start: every device that should be there is there once, and every transition under way goes on. */
export async function recover(cloud: Cloud): Promise<void> {
  await fenceStrays(cloud);
  await mapLimit(cloud.store.list('instances'), 4, ({ id }) => settleDevices(cloud, id));
  for (const attachment of cloud.store.list('attachments')) resumeAttachment(cloud, attachment);
  for (const { loop } of cloud.store.list('fenced')) watchFenced(cloud, loop, true);
  for (const { id, state } of cloud.store.list('volumes')) {
    if (state === 'creating') finishCreateLater(cloud, id, cloud.settings.latency.createVolume);
    if (state === 'deleting') finishDeleteLater(cloud, id, 0);
  }
  for (const { id } of cloud.store.list('snapshots')) finishSnapshotLater(cloud, id, 0);
  for (const { volumeId } of cloud.store.list('modifications')) finishModifyLater(cloud, volumeId, 0);
  for (const { id } of cloud.store.list('instances')) finishPowerLater(cloud, id, 0);
  for (const { id } of cloud.store.list('fileSystems')) finishFileSystemLater(cloud, id, 0);
  for (const { id } of cloud.store.list('mountTargets')) finishMountTargetLater(cloud, id, 0);
  for (const { id } of cloud.store.list('accessPoints')) finishAccessPointLater(cloud, id, 0);
  for (const { id } of cloud.store.list('backupJobs')) continueBackupLater(cloud, id, 0);
  for (const { id } of cloud.store.list('copyJobs')) continueCopyLater(cloud, id, 0);
  for (const { id } of cloud.store.list('restoreJobs')) continueRestoreLater(cloud, id, 0);
  for (const { arn } of cloud.store.list('recoveryPoints')) finishDeletePointLater(cloud, arn, 0);
  cloud.events.resume();
  await cloud.store.commit();
}

/** A device over an image that no record names was made in the moment of a crash: nobody was told of it. */
async function fenceStrays(cloud: Cloud): Promise<void> {
  const known = new Set([
    ...cloud.store.list('attachments').map(({ volumeId, loop }) => `${loop?.device ?? ''} ${volumeId}`),
    ...cloud.store.list('fenced').map(({ volumeId, loop }) => `${loop.device} ${volumeId}`),
  ]);
  for (const { loop, file } of await loopsUnder(cloud.disk.folder)) {
    const volumeId = basename(file, '.img');
    if (known.has(`${loop.device} ${volumeId}`)) continue;
    await fenceLoop(loop);
    recordFenced(cloud, volumeId, loop);
  }
}

function resumeAttachment(cloud: Cloud, { volumeId, state }: Attachment): void {
  if (state === 'attaching') finishAttachLater(cloud, volumeId, cloud.settings.latency.attach);
  if (state === 'detaching' || state === 'busy') finishDetachLater(cloud, volumeId, 0);
}
