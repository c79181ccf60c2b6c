import type { AttachmentItem, HostItem, LeaseItem, OperationItem, SeenItem, VolumeItem } from './items.ts';
import type { Assignment, Host } from './host.ts';
import type { Operation } from './operation.ts';
import { isInUse, isSingleWriter, observationOf, useOf, type VolumeFacts } from './rules-use.ts';
import { mayHoldFiles, type BackupSubject } from './rules-backup.ts';
import { formatSize, provisionedGiB } from './size.ts';
import type { AttachmentView, FilesystemRecord, Volume } from './volume.ts';

/** A volume as a listing shows it. */
export function viewVolume(volume: VolumeItem, lease: LeaseItem | undefined): Volume {
  const {
    attempt: _attempt,
    createdInAwsAt: _createdInAwsAt,
    purge: _purge,
    madeFrom: _madeFrom,
    incoming: _incoming,
    outgoing: _outgoing,
    replaced: _replaced,
    filling: _filling,
    finalSnapshot: _finalSnapshot,
    forcedOff: _forcedOff,
    ...shown
  } = volume;
  const { sizeBytes, storage, driver } = volume;
  const gib = storage?.kind === 'ebs' ? storage.provisionedGiB : provisionedGiB(sizeBytes ?? 0);
  return {
    ...shown,
    ...(sizeBytes === undefined ? {} : { size: formatSize(sizeBytes) }),
    ...(driver === 'ebs' ? { provisionedGiB: gib } : {}),
    format: lease?.filesystem.state ?? 'none',
  };
}

/** A volume as it is read by name: with its attachments. */
export function viewVolumeFully(facts: VolumeFacts & Pick<BackupSubject, 'used'>): Volume {
  return {
    ...viewVolume(facts.volume, facts.lease),
    ...(mayHoldFiles(facts) ? {} : { blank: true }),
    attachments: facts.attachments.map((attachment) => viewAttachment(facts, attachment)),
  };
}

function viewAttachment(facts: VolumeFacts, attachment: AttachmentItem): AttachmentView {
  const seen = observationOf(facts, attachment);
  const device = seen?.device ?? attachment.device;
  return {
    host: attachment.hostId,
    readOnly: attachment.readOnly,
    inUse: isInUse(facts, attachment),
    epoch: attachment.epoch,
    ...(device === undefined ? {} : { device }),
    ...(seen?.mountpoint === undefined ? {} : { mountpoint: seen.mountpoint }),
    containers: seen?.containers ?? [],
    since: attachment.since,
  };
}

/** An operation as the API shows it. */
export function viewOperation(operation: OperationItem): Operation {
  const {
    driver: _driver,
    epoch: _epoch,
    fromHost: _fromHost,
    forceDetach: _forceDetach,
    leavingSince: _leavingSince,
    waitUntil: _waitUntil,
    requestHash: _requestHash,
    finishedAt: _finishedAt,
    trail: _trail,
    ...shown
  } = operation;
  return shown;
}

/** A host as the API shows it. */
export function viewHost(host: HostItem, seen: SeenItem | undefined, volumes?: Host['volumes']): Host {
  const {
    queueUrl: _queueUrl,
    lastDevice: _lastDevice,
    burnedDevices: _burnedDevices,
    maxAttachments: _maxAttachments,
    terminatedAt: _terminatedAt,
    ...shown
  } = host;
  return {
    ...shown,
    lastSeenAt: seen !== undefined && seen.at > host.lastSeenAt ? seen.at : host.lastSeenAt,
    ...(volumes === undefined ? {} : { volumes }),
  };
}

/** What a host is told of one of its attachments. Under a lease that moved on, the epoch is the newer one: the host's is stale. */
export function viewAssignment(
  facts: Pick<VolumeFacts, 'volume' | 'lease'>,
  attachment: AttachmentItem,
): Assignment {
  const { volume, lease } = facts;
  const use = useOf(facts, attachment);
  const moved = isSingleWriter(volume.driver) && lease?.holder !== attachment.hostId;
  return {
    volumeId: volume.id,
    name: volume.name,
    type: volume.type,
    driver: volume.driver,
    desired: moved ? 'detached' : attachment.desired,
    actual: attachment.actual,
    epoch: moved ? (lease?.epoch ?? attachment.epoch) : attachment.epoch,
    readOnly: attachment.readOnly,
    inUse: isInUse(facts, attachment),
    ...(use === undefined ? {} : { use }),
    ...(volume.storage === undefined ? {} : { storage: volume.storage }),
    ...(volume.sizeBytes === undefined ? {} : { sizeBytes: volume.sizeBytes }),
    filesystem: lease?.filesystem ?? noFilesystem,
    owner: volume.owner,
    options: volume.options,
    ...(volume.filling === undefined ? {} : { filling: true }),
  };
}

const noFilesystem: FilesystemRecord = { state: 'none' };
