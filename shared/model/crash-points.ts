import type { FunctionName } from './environment.ts';

/**
 * The effects of each operation in their order: every write of the table and every call of AWS that changes something. A function
 * may be killed before and after each; docs/crash-points.md says what then happens. A test compares this table with the
 * effects that are recorded.
 */
export interface Effect {
  readonly by: FunctionName;
  readonly service: 'dynamodb' | 'states' | 'sqs' | 'ec2';
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
const start: Effect = { by: 'volumes-api', service: 'states', action: 'StartExecution', what: 'start' };
const wake = (by: FunctionName): Effect => ({ by, service: 'sqs', action: 'SendMessage', what: 'wake' });
const intent = [transaction('volumes-api', 'intent'), start];
const record = (step: string): Effect => transaction('ebs-worker', `record ${step}`);
const say = transaction('ebs-worker', 'say');

/** A step with an effect in EC2: claimed, performed, confirmed. */
const step = (name: string, action: string): Effect[] => [
  transaction('ebs-worker', `claim ${name}`),
  { by: 'ebs-worker', service: 'ec2', action, what: name },
  transaction('ebs-worker', `confirm ${name}`),
];
const detach = [...step('detachVolume', 'DetachVolume'), say];
const attach = [...step('attachVolume', 'AttachVolume'), say, record('confirmAttached'), wake('ebs-worker')];

/** Operations as people ask for them, on a block volume. */
export const crashPoints = {
  create: [...intent, ...step('createVolume', 'CreateVolume'), say, record('confirmCreated')],
  attach: [...intent, ...attach],
  /** An attach of a volume that is idle on another host. */
  handOver: [...intent, wake('volumes-api'), ...detach, ...attach],
  detach: [...intent, wake('volumes-api'), ...detach, record('confirmDetached')],
  /** A delete of a formatted volume that is attached and idle. */
  delete: [
    ...intent,
    wake('volumes-api'),
    record('fence'),
    ...detach,
    record('bury'),
    ...step('createSnapshot', 'CreateSnapshot'),
    say,
    record('finishDelete'),
  ],
} as const satisfies Readonly<Record<string, readonly Effect[]>>;

export type CrashedOperation = keyof typeof crashPoints;
