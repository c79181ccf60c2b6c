/** Primary key of an item. Keys are made here only; docs/architecture.md lists them with every access pattern. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** Partitions of the GSI `work`: what is still to be done, ordered by time. */
export const workPartitions = {
  operations: 'OP',
  purges: 'PURGE',
  runs: 'RUN',
  /** Terminated hosts that still have a queue; then, until their record goes, without one. */
  hostQueues: 'HOSTQUEUE',
  goneHosts: 'HOST',
} as const;

export const partitions = {
  volume: (volumeId: string) => `VOL#${volumeId}`,
  host: (hostId: string) => `HOST#${hostId}`,
  operation: (operationId: string) => `OP#${operationId}`,
  names: (namespace: string) => `NS#${namespace}#NAMES`,
  label: (namespace: string, key: string, value: string) => `NS#${namespace}#LABEL#${key}=${value}`,
  deleted: (namespace: string) => `NS#${namespace}#DELETED`,
  hosts: (namespace: string) => `NS#${namespace}#HOSTS`,
  operations: (namespace: string) => `NS#${namespace}#OPS`,
  backup: (backupId: string) => `BAK#${backupId}`,
  backups: (namespace: string) => `NS#${namespace}#BACKUPS`,
  fileSystem: (fileSystemId: string) => `FS#${fileSystemId}`,
  pointUsers: (fileSystemId: string, run: string) => `FS#${fileSystemId}#POINT#${run}`,
  volumeBackups: (volumeId: string) => `VOL#${volumeId}#BACKUPS`,
  volumeDrills: (volumeId: string) => `VOL#${volumeId}#DRILLS`,
  policy: (policyId: string) => `POL#${policyId}`,
  policies: (namespace: string) => `NS#${namespace}#POLICIES`,
  allPolicies: () => 'POLICIES',
  run: (runId: string) => `RUN#${runId}`,
  runCopies: (runId: string) => `RUN#${runId}#COPIES`,
} as const;

/** Prefixes of sort keys that a Query asks for. */
export const prefixes = {
  attachment: 'ATT#',
  observation: 'OBS#',
  device: 'DEV#',
  purge: 'PURGE#',
  task: 'TASK#',
  run: 'RUN#',
  drillRun: 'DRILLRUN#',
  open: 'OPEN#',
  done: 'DONE#',
  watched: 'WATCHED#',
  undrilled: 'UNDRILLED#',
  sharedPoint: 'POINT#',
  sharedJob: 'JOB#',
} as const;

function policyOfRun(runId: string): string {
  return `pol-${runId.split('-')[1] ?? ''}`;
}

export const keys = {
  volume: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'DESIRED' }),
  lease: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'LEASE' }),
  step: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'STEP' }),
  purge: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'PURGE' }),
  attachmentTwin: (volumeId: string, hostId: string): Key => ({
    pk: partitions.volume(volumeId),
    sk: `${prefixes.attachment}${hostId}`,
  }),
  observation: (volumeId: string, hostId: string): Key => ({
    pk: partitions.volume(volumeId),
    sk: `${prefixes.observation}${hostId}`,
  }),
  host: (hostId: string): Key => ({ pk: partitions.host(hostId), sk: 'HOST' }),
  seen: (hostId: string): Key => ({ pk: partitions.host(hostId), sk: 'SEEN' }),
  attachment: (hostId: string, volumeId: string): Key => ({
    pk: partitions.host(hostId),
    sk: `${prefixes.attachment}${volumeId}`,
  }),
  device: (hostId: string, device: string): Key => ({
    pk: partitions.host(hostId),
    sk: `${prefixes.device}${device}`,
  }),
  hostPurge: (hostId: string, volumeId: string): Key => ({
    pk: partitions.host(hostId),
    sk: `${prefixes.purge}${volumeId}`,
  }),
  operation: (operationId: string): Key => ({ pk: partitions.operation(operationId), sk: 'OP' }),
  receipt: (operationId: string): Key => ({ pk: partitions.operation(operationId), sk: 'RECEIPT' }),
  backup: (backupId: string): Key => ({ pk: partitions.backup(backupId), sk: 'BACKUP' }),
  sharedPoint: (fileSystemId: string, run: string): Key => ({
    pk: partitions.fileSystem(fileSystemId),
    sk: `${prefixes.sharedPoint}${run}`,
  }),
  sharedJob: (fileSystemId: string, run: string): Key => ({
    pk: partitions.fileSystem(fileSystemId),
    sk: `${prefixes.sharedJob}${run}`,
  }),
  sharedUser: (fileSystemId: string, run: string, backupId: string): Key => ({
    pk: partitions.pointUsers(fileSystemId, run),
    sk: backupId,
  }),
  used: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'USED' }),
  restoring: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'RESTORING' }),
  backing: (volumeId: string): Key => ({ pk: partitions.volume(volumeId), sk: 'BACKING' }),
  task: (operationId: string): Key => ({ pk: partitions.operation(operationId), sk: 'TASK' }),
  transfer: (operationId: string): Key => ({ pk: partitions.operation(operationId), sk: 'TRANSFER' }),
  importing: (volumeId: string): Key => ({ pk: `VOL#${volumeId}#IMPORT`, sk: 'IMPORT' }),
  hostTask: (hostId: string, operationId: string): Key => ({
    pk: partitions.host(hostId),
    sk: `${prefixes.task}${operationId}`,
  }),
  policy: (policyId: string): Key => ({ pk: partitions.policy(policyId), sk: 'POLICY' }),
  policyName: (namespace: string, name: string): Key => ({ pk: partitions.policies(namespace), sk: name }),
  /** Of a run in its policy's partition; ids of one policy's runs are in the order of time. */
  run: (runId: string): Key => ({
    pk: partitions.policy(policyOfRun(runId)),
    sk: `${runId.endsWith('-drill') ? prefixes.drillRun : prefixes.run}${runId}`,
  }),
  runVolume: (runId: string, volumeId: string, open: boolean): Key => ({
    pk: partitions.run(runId),
    sk: `${open ? prefixes.open : prefixes.done}${volumeId}`,
  }),
  watched: (policyId: string, volumeId: string, missing: 'backup' | 'drill'): Key => ({
    pk: partitions.policy(policyId),
    sk: `${missing === 'drill' ? prefixes.undrilled : prefixes.watched}${volumeId}`,
  }),
  drilled: (volumeId: string, outcome: string): Key => ({
    pk: partitions.volumeDrills(volumeId),
    sk: outcome,
  }),
  name: (namespace: string, name: string): Key => ({ pk: partitions.names(namespace), sk: name }),
} as const;
