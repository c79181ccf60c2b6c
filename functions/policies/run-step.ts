import { createHash } from 'node:crypto';
import * as z from 'zod';
import { keys, partitions, prefixes } from '#shared/aws/table/keys.ts';
import { discard, put, replace, type Write } from '#shared/aws/table/writes.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { RunId } from '#shared/model/names.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { OperationItem } from '#shared/model/items.ts';
import type { PolicyItem, RunItem, RunVolumeItem } from '#shared/model/policy-items.ts';
import { isRunFinished } from '#shared/model/policy.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { atOnce, beginner, type Begin } from './beginner.ts';
import { isOpen } from './list-policies.ts';
import { prune } from './retain.ts';
import { beginCopy, followCopies, hasCopies } from './run-copies.ts';

/*
 * A run is carried out a step at a time, each in an invocation of its own: begin a page of backups, see which are done,
 * prune a page, see which copies are done. Where it is stands in the table, so that it goes on wherever it was left: by the same execution, by one
 * that the sweeper starts, or by two at once, of which the run's revision lets one write.
 */

export const RunInput = z.object({ runId: RunId });
export type RunInput = z.infer<typeof RunInput>;

/** What the state machine BackupPolicyRun reads: as a worker's answer. */
export interface RunOutput {
  readonly runId: string;
  readonly outcome: 'continue' | 'wait' | 'done' | 'failed';
  /** 0 unless outcome is `wait`. */
  readonly waitSeconds: number;
}

/** Volumes whose backups are begun in one step. A transaction takes 100 items. */
export const pageSize = 40;
/** Backups of one run that are under way at once: each is an execution that asks EC2 about its snapshot. */
export const maxOpen = 200;
/** What has been under way for so long makes room for others: the first snapshot of a large volume takes hours. */
const slowAfterMs = 3_600_000;
/** With them. All are read in one go. */
const mostOpen = 800;
/**
 * Of drills: each takes a slot of a host and is a volume in EC2, so that few are under way at once. What is not begun in time
 * is not drilled, and gets overdue.
 */
const drills = { page: 10, open: 20, beginMs: 18 * 3_600_000 } as const;
/** Volumes whose end is written in one step: two items each, with a copy three, and the run. */
const settledAtOnce = 45;
const settledWithCopies = 30;
/** Volumes that are pruned in one step. */
const prunedAtOnce = 25;
/** Volumes that are pruned at the same moment. */
const concurrency = 5;
/** After so long what is still open counts as failed; the machine's own time-out is later. */
const givesUpAfterMs = 20 * 3_600_000;
/** Runs of one tick are spread over so many seconds. */
const jitterSeconds = 20;

/** One step of a run. @throws ProductError Throttled, Unavailable, Conflict: the state machine repeats it by name. */
export async function runStep(ports: Ports, { runId }: RunInput): Promise<RunOutput> {
  const run = await ports.table.read('run', keys.run(runId));
  if (run === undefined) return { runId, outcome: 'done', waitSeconds: 0 };
  if (isRunFinished(run.state)) return endOf(run);
  const early = jitterOf(run) - secondsSince(run, ports.clock());
  if (early > 0) return waitFor(run, Math.ceil(early));
  const policy = await ports.table.read('policy', keys.policy(run.policyId));
  if (run.state === 'beginning' && isLate(run, ports.clock()))
    return write(ports, run, { next: { ...run, state: 'collecting', cursor: undefined } });
  if (run.state === 'pruning') return prunePage(ports, run, policy);
  if (run.state === 'copying') return awaitCopies(ports, run);
  return hasRoom(run) ? beginPage(ports, run, policy) : collect(ports, run, policy);
}

/** Whether the next page may be begun. */
function hasRoom({ kind, state, counts: { open }, slow }: RunItem): boolean {
  if (kind === 'drill') return state === 'beginning' && open + drills.page <= drills.open;
  return state === 'beginning' && open - slow + pageSize <= maxOpen && open + pageSize <= mostOpen;
}

/** So late that the run has time for nothing but what is under way. */
function isLate(run: RunItem, now: Date): boolean {
  return run.kind === 'drill' && secondsSince(run, now) * 1_000 > drills.beginMs;
}

function endOf({ id, state }: RunItem): RunOutput {
  return { runId: id, outcome: state === 'failed' ? 'failed' : 'done', waitSeconds: 0 };
}

const goOn = ({ id }: RunItem): RunOutput => ({ runId: id, outcome: 'continue', waitSeconds: 0 });
const waitFor = ({ id }: RunItem, waitSeconds: number): RunOutput => ({
  runId: id,
  outcome: 'wait',
  waitSeconds,
});

/** Derived from its id, so that a repeat does not wait anew; who asks by hand does not wait. */
function jitterOf({ id, cause }: RunItem): number {
  if (cause === 'manual') return 0;
  return (createHash('sha256').update(id).digest()[0] ?? 0) % jitterSeconds;
}

function secondsSince({ startedAt }: RunItem, now: Date): number {
  return (now.getTime() - Date.parse(startedAt)) / 1_000;
}

/** Ever longer: a run of 20 hours looks about 1,300 times, which with its pages stays below 25,000 events. */
function patience(run: RunItem, now: Date): number {
  return Math.min(60, Math.max(2, Math.floor(secondsSince(run, now) / 20)));
}

/** The run's volumes that are not done, with their operations. */
async function openOf(ports: Ports, run: RunItem) {
  const { items } = await ports.table.list('runVolume', {
    pk: partitions.run(run.id),
    prefix: prefixes.open,
  });
  return { items, operations: await operationsOf(ports, items) };
}

async function beginPage(ports: Ports, run: RunItem, policy: PolicyItem | undefined): Promise<RunOutput> {
  if (policy === undefined) return write(ports, run, { next: { ...run, state: 'collecting' } });
  const label = [policy.selector];
  const limit = run.kind === 'drill' ? drills.page : pageSize;
  const page = await listVolumes(ports, run.namespace, { label, limit, cursor: run.cursor });
  const open = run.kind === 'drill' ? (await openOf(ports, run)).operations : new Map();
  const begin = beginner(ports, { run, policy, open });
  const items = await mapLimit(page.items, atOnce(run), ({ id, name }) =>
    begin({ volumeId: id, volume: name }),
  );
  const counts = items.reduce(counted, { ...run.counts, selected: run.counts.selected + items.length });
  const next: RunItem = {
    ...run,
    counts,
    cursor: page.cursor,
    state: page.cursor === undefined ? 'collecting' : 'beginning',
  };
  return write(ports, run, { next, writes: items.map((item) => put('runVolume', item)) });
}

type Counts = RunItem['counts'];

/** What one volume adds. */
function counted(counts: Counts, item: RunVolumeItem): Counts {
  if (isOpen(item)) return { ...counts, open: counts.open + 1 };
  const { state } = item;
  return state === 'made' || state === 'failed' || state === 'skipped'
    ? { ...counts, [state]: counts[state] + 1 }
    : counts;
}

async function collect(ports: Ports, run: RunItem, policy: PolicyItem | undefined): Promise<RunOutput> {
  const { items, operations } = await openOf(ports, run);
  const begin = policy === undefined ? undefined : beginner(ports, { run, policy, open: operations });
  const looked = await mapLimit(items, atOnce(run), async (was) => ({
    was,
    is: await settled(ports, { begin, was, operation: operations.get(was.operation ?? '') }),
  }));
  const copies = run.kind === 'backup' && policy?.copyTo !== undefined;
  const limit = copies ? settledWithCopies : settledAtOnce;
  const ready = looked.filter(({ was, is }) => was.state !== is.state).slice(0, limit);
  const copied = await mapLimit(ready, concurrency, (settled) =>
    beginCopy(ports, { run, policy: copies ? policy : undefined, settled }),
  );
  const changed = copied.filter(({ was, is }) => was.state !== is.state);
  const writes = changed.flatMap(({ was, is, copy }): Write[] => [
    ...(isOpen(is) ? [] : [discard('runVolume', was)]),
    put('runVolume', is),
    ...(copy === undefined ? [] : [put('runCopy', copy)]),
  ]);
  const settledNow = changed.filter(({ is }) => !isOpen(is)).map(({ is }) => is);
  const counts = settledNow.reduce(counted, { ...run.counts, open: run.counts.open - settledNow.length });
  const all = run.state === 'collecting' && counts.open === 0;
  const slow = slowOf(looked, ports.clock());
  const looking: RunItem = { ...run, counts, slow };
  const next = all ? afterAll(ports, looking) : looking;
  if (changed.length > 0 || all || slow !== run.slow) await write(ports, run, { next, writes });
  if (isRunFinished(next.state)) return endOf(next);
  const more = changed.length === limit;
  return all || hasRoom(next) || more ? goOn(run) : waitFor(run, patience(run, ports.clock()));
}

function slowOf(looked: readonly { readonly is: RunVolumeItem }[], now: Date): number {
  const before = now.getTime() - slowAfterMs;
  return looked.filter(({ is }) => isOpen(is) && Date.parse(is.since) < before).length;
}

async function operationsOf(
  { table }: Ports,
  items: readonly RunVolumeItem[],
): Promise<ReadonlyMap<string, OperationItem>> {
  const wanted = items.flatMap(({ operation }) =>
    operation === undefined ? [] : [keys.operation(operation)],
  );
  const found = await table.readMany('operation', wanted);
  return new Map(found.map((operation) => [operation.id, operation]));
}

interface Look {
  /** Undefined: the policy is gone. */
  readonly begin: Begin | undefined;
  readonly was: RunVolumeItem;
  readonly operation: OperationItem | undefined;
}

/** How it is with one open volume now. */
async function settled(ports: Ports, { begin, was, operation }: Look): Promise<RunVolumeItem> {
  if (was.state === 'waiting') {
    if (begin === undefined) return { ...was, state: 'skipped', reason: 'The policy is gone.' };
    return begin(was);
  }
  if (operation === undefined) return { ...was, state: 'failed', reason: 'Its operation is forgotten.' };
  if (operation.status === 'succeeded') return { ...was, state: 'made' };
  if (isFinished(operation.status)) return { ...was, state: 'failed', reason: operation.error?.detail };
  if (ports.clock().getTime() - Date.parse(was.since) < givesUpAfterMs) return was;
  return { ...was, state: 'failed', reason: 'Not done after 20 hours.' };
}

async function prunePage(ports: Ports, run: RunItem, policy: PolicyItem | undefined): Promise<RunOutput> {
  const { items, next: more } = await ports.table.list('runVolume', {
    pk: partitions.run(run.id),
    prefix: prefixes.done,
    limit: prunedAtOnce,
    ...(run.cursor === undefined ? {} : { after: run.cursor }),
  });
  const made = policy === undefined ? [] : items.filter(({ state }) => state === 'made');
  const pruned = await mapLimit(made, concurrency, ({ volumeId }) =>
    policy === undefined ? Promise.resolve([]) : prune(ports, policy, volumeId),
  );
  const counts = { ...run.counts, pruned: run.counts.pruned + pruned.flat().length };
  if (more !== undefined) return write(ports, run, { next: { ...run, counts, cursor: more } });
  const after: RunItem = { ...run, counts, cursor: undefined };
  if (await hasCopies(ports, run)) return write(ports, run, { next: { ...after, state: 'copying' } });
  return write(ports, run, { next: ended(ports, after) });
}

function ended({ clock }: Ports, run: RunItem): RunItem {
  const state = run.counts.failed > 0 ? 'failed' : 'succeeded';
  return { ...run, state, endedAt: clock().toISOString() };
}

/** A volume whose copy failed has failed: what the policy says it should have is not there. */
async function awaitCopies(ports: Ports, run: RunItem): Promise<RunOutput> {
  const isLate = secondsSince(run, ports.clock()) * 1_000 > givesUpAfterMs;
  const { done, writes, ended: count, failed } = await followCopies(ports, run, isLate);
  const counts = { ...run.counts, made: run.counts.made - failed, failed: run.counts.failed + failed };
  const next: RunItem = { ...run, counts };
  if (done) return write(ports, run, { next: ended(ports, next), writes });
  return count > 0 ? write(ports, run, { next, writes }) : waitFor(run, patience(run, ports.clock()));
}

/** Drills leave nothing to prune. */
function afterAll(ports: Ports, run: RunItem): RunItem {
  return run.kind === 'drill'
    ? ended(ports, { ...run, cursor: undefined })
    : { ...run, state: 'pruning', cursor: undefined };
}

/** Moves the run on; lost when another execution of it did so first, and then this one simply looks again. */
async function write(
  { table }: Ports,
  run: RunItem,
  { next, writes = [] }: { readonly next: RunItem; readonly writes?: readonly Write[] },
): Promise<RunOutput> {
  await table.transact([replace('run', run, next), ...writes]);
  return isRunFinished(next.state) ? endOf(next) : goOn(next);
}
