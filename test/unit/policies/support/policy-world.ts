import { CreatePolicy, type Policy, type PolicyRun, type RunKind } from '#shared/model/policy.ts';
import type { OverdueCounts } from '#shared/model/metrics.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { createVolume } from '#shared/aws/table/volume-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { createPolicy } from '#functions/policies/create-policy.ts';
import type { PolicyPorts } from '#functions/policies/ports.ts';
import { runPolicy } from '#functions/policies/run-policy.ts';
import { runStep } from '#functions/policies/run-step.ts';
import { tick } from '#functions/policies/tick.ts';
import { viewRun } from '#functions/policies/view.ts';
import { watchBackups, type WatchReport } from '#functions/policies/watch.ts';
import { call, existing, hostA, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

/** A world with policies: volumes that are formatted and idle, runs carried out as the state machine does. */
export class PolicyWorld extends World {
  /** What was published: all, or by policy id. */
  readonly published: [counts: OverdueCounts, policyId: string | undefined][] = [];

  get ports(): PolicyPorts {
    return { ...this.api, ...this.policies.ports };
  }

  static async withVolumes(names: readonly string[], options: WorldOptions = {}): Promise<PolicyWorld> {
    const world = new PolicyWorld(options);
    await world.addHost(hostA);
    for (const name of names) await world.filled(name);
    return world;
  }

  /** So many volumes, all like the first. */
  static async crowded(count: number, options: WorldOptions = {}): Promise<PolicyWorld> {
    const world = await PolicyWorld.withVolumes(['first'], options);
    const { volume, lease } = await world.volume('first');
    for (let index = 1; index < count; index++) {
      const id = `vol-${String(index).padStart(26, '0')}`;
      const name = `v${String(index).padStart(5, '0')}`;
      const own = lease === undefined ? undefined : { ...lease, volumeId: id };
      await world.table.transact(createVolume({ ...volume, id, name }, own));
    }
    world.started.length = 0;
    return world;
  }

  /** A volume that a host has formatted and handed back, with the label `backup=true`. */
  async filled(name: string): Promise<string> {
    await this.run(await this.create(name, { labels: { backup: 'true' } }));
    await this.format(name);
    return (await this.volume(name)).volume.id;
  }

  async policy(parts: Partial<CreatePolicy> = {}): Promise<Policy> {
    const body = { name: 'nightly', schedule: '0 2 * * *', selector: 'backup=true', ...parts };
    return (await createPolicy(this.ports, call(), CreatePolicy.parse(body))).body;
  }

  /** Delivers the tick of a moment, as EventBridge Scheduler does; the run's id. */
  deliver(policy: Policy, scheduledAt: string): Promise<string | undefined> {
    return tick(this.ports, { policyId: policy.id, scheduledAt });
  }

  /** Runs by hand, to its end. */
  async runNow(name = 'nightly', kind: RunKind = 'backup'): Promise<PolicyRun> {
    const { body } = await runPolicy(this.ports, call(), { policy: name, kind });
    return this.carryOut(body.id);
  }

  /** What the state machine does, with the operations' own executions beside it. */
  async carryOut(runId: string, most = 1_000): Promise<PolicyRun> {
    for (let count = 0; count < most; count++) {
      const { outcome, waitSeconds } = await runStep(this.ports, { runId });
      if (outcome === 'done' || outcome === 'failed') break;
      await this.workOperations();
      this.pass(waitSeconds);
    }
    return this.runOf(runId);
  }

  async runOf(runId: string): Promise<PolicyRun> {
    return viewRun(existing(await this.table.read('run', keys.run(runId)), runId));
  }

  /** One step of every operation that is not finished. */
  async workOperations(): Promise<void> {
    for (const { id } of await this.table.listUnfinishedOperations('9999', 1_000)) await this.step(id);
  }

  async backupsOf(name: string): Promise<BackupItem[]> {
    return this.table.listBackupsOf((await this.volume(name)).volume.id);
  }

  watch(): Promise<WatchReport> {
    const publish = (counts: OverdueCounts, policyId?: string) =>
      void this.published.push([counts, policyId]);
    return watchBackups({ ...this.ports, publish });
  }

  /** What the last watch published, of a policy or in all. */
  counts(policyId?: string): OverdueCounts | undefined {
    return this.published.findLast(([, of]) => of === policyId)?.[0];
  }

  overdue(policyId?: string): number | undefined {
    return this.counts(policyId)?.overdueVolumes;
  }
}
