import type { FunctionName } from './environment.ts';

/**
 * The effects of each operation in their order: every write of the table and every call of AWS that changes something. A function
 * may be killed before and after each; docs/crash-points.md says what then happens. A test compares this table with the
 * effects that are recorded.
 */
export interface Effect {
  readonly by: FunctionName;
  readonly service: 'dynamodb' | 'states' | 'sqs' | 'ec2' | 'elasticfilesystem' | 'backup' | 's3';
  readonly action: string;
  /**
   * For the table's transactions: `intent` (the API's decision with its operation), `claim X` (state first), `confirm X` (what
   * the answer to X means), `record X` (a step that is the table's alone), `say` (words for people while AWS is at work; there
   * may be more or none of them, as AWS takes its time).
   */
  readonly what: string;
}

const transaction = (by: FunctionName, what: string): Effect => ({
  by,
  service: 'dynamodb',
  action: 'TransactWriteItems',
  what,
});
const start = (by: FunctionName): Effect => ({
  by,
  service: 'states',
  action: 'StartExecution',
  what: 'start',
});
const wake = (by: FunctionName): Effect => ({ by, service: 'sqs', action: 'SendMessage', what: 'wake' });
const intent = (by: FunctionName): Effect[] => [transaction(by, 'intent'), start(by)];
const asked = intent('volumes-api');
const record = (step: string): Effect => transaction('ebs-worker', `record ${step}`);
const say = transaction('ebs-worker', 'say');

/** A step with an effect in AWS: claimed, performed, confirmed. */
const stepOf = (by: FunctionName, service: Effect['service']) => (name: string, action: string) => [
  transaction(by, `claim ${name}`),
  { by, service, action, what: name },
  transaction(by, `confirm ${name}`),
];
const step = stepOf('ebs-worker', 'ec2');
const efsStep = stepOf('efs-worker', 'elasticfilesystem');
const detach = [...step('detachVolume', 'DetachVolume'), say];
const attach = [...step('attachVolume', 'AttachVolume'), say, record('confirmAttached'), wake('ebs-worker')];
/** The way of an attached, idle volume to its tombstone. */
const bury = [...asked, wake('volumes-api'), record('fence'), ...detach, record('bury')];

/** Operations as people ask for them: on a block volume, and the making and freeing of a network volume. */
export const crashPoints = {
  create: [...asked, ...step('createVolume', 'CreateVolume'), say, record('confirmCreated')],
  attach: [...asked, ...attach],
  /** An attach of a volume that is idle on another host. */
  handOver: [...asked, wake('volumes-api'), ...detach, ...attach],
  detach: [...asked, wake('volumes-api'), ...detach, record('confirmDetached')],
  /** A delete of a formatted volume that is attached and idle. */
  delete: [...bury, ...step('createSnapshot', 'CreateSnapshot'), say, record('finishDelete')],
  /** A delete with `--purge` of a volume that is attached and idle. */
  purge: [...bury, record('startPurge'), ...step('deleteVolume', 'DeleteVolume'), record('forget')],
  /** A create of a network volume. */
  networkCreate: [
    ...asked,
    ...efsStep('createAccessPoint', 'CreateAccessPoint'),
    transaction('efs-worker', 'record confirmCreated'),
  ],
  /** A delete with `--purge` of a network volume that nobody uses: a host empties its directory. */
  networkPurge: [
    transaction('volumes-api', 'intent'),
    ...intent('sweeper'),
    ...efsStep('createPurgePoint', 'CreateAccessPoint'),
    wake('efs-worker'),
    transaction('efs-worker', 'say'),
    transaction('hosts-api', 'record purged'),
    ...efsStep('deletePurgePoint', 'DeleteAccessPoint'),
    ...efsStep('deleteAccessPoint', 'DeleteAccessPoint'),
    transaction('efs-worker', 'record forget'),
  ],
} as const satisfies Readonly<Record<string, readonly Effect[]>>;

export type CrashedOperation = keyof typeof crashPoints;
