import { parseItem } from '#shared/aws/table/writes.ts';
import { Table } from '#shared/aws/table/table.ts';
import type { ItemStore } from '#shared/aws/table/store.ts';
import { CreateBackup, RestoreBackup, snapshotOfStorage } from '#shared/model/backup.ts';
import { DrillBackup } from '#shared/model/drill.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { CreatePolicy } from '#shared/model/policy.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { holdBackup } from '#functions/backups/hold-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { createPolicy } from '#functions/policies/create-policy.ts';
import type { PolicyPorts } from '#functions/policies/ports.ts';
import { runPolicy } from '#functions/policies/run-policy.ts';
import { runStep } from '#functions/policies/run-step.ts';
import { tick } from '#functions/policies/tick.ts';
import { Killed } from '#test/fakes/killed.ts';
import { ScheduledAgents, type ScheduleParts } from './schedule-agents.ts';
import { call } from './world.ts';

const volumes = ['data', 'logs'] as const;
const policyName = 'nightly';
const hour = 3_600_000;

/** Backups in a random schedule: people's and a policy's, with the hosts that freeze for them, restores, drills and removals. */
export class ScheduledBackups {
  readonly #parts: ScheduleParts;
  readonly #policies: PolicyPorts;
  readonly #agents: ScheduledAgents;
  #policyId = '';

  /** @param unreliable the table as a function sees it that may be killed at each write */
  constructor(parts: ScheduleParts, unreliable: (store: ItemStore) => ItemStore) {
    this.#parts = parts;
    const { world } = parts;
    const table = new Table(unreliable(world.store));
    this.#policies = { ...world.api, table, ...world.policies.ports };
    this.#agents = new ScheduledAgents(parts, table);
  }

  async begin(): Promise<void> {
    const policy = {
      name: policyName,
      schedule: '0 * * * *',
      selector: 'backup=true',
      retention: { last: 2 },
    };
    const ports = { ...this.#policies, table: this.#parts.world.table };
    this.#policyId = (await createPolicy(ports, call(), CreatePolicy.parse(policy))).body.id;
  }

  /** How often what was done; to see that a schedule comes to everything. */
  get done(): Readonly<Record<string, number>> {
    const { held, lost } = this.#agents.cuts;
    const { items } = this.#parts.world.store;
    const ended = [...items.values()].filter(({ status }) => status === 'succeeded');
    const of = (kind: string): number => ended.filter((item) => item['kind'] === kind).length;
    const restores = ended.filter((item) => item['kind'] === 'create' && item['backup'] !== undefined).length;
    const runs = [...items.values()].filter((item) => item['entity'] === 'run').length;
    return {
      backups: of('backup'),
      removals: of('deleteBackup'),
      restores,
      drills: of('drill'),
      runs,
      'frozen cuts': held,
      'lost cuts': lost,
    };
  }

  /** One thing that somebody does about backups: a person, a policy's run, or the hosts. */
  async act(hosts: readonly string[]): Promise<void> {
    const { random } = this.#parts;
    const dice = random.next();
    if (dice < 0.5) await this.#agents.act(hosts);
    else if (dice < 0.65) await this.#runs();
    else await this.#call();
  }

  /** Hosts and runs get a turn, with nobody asking for more. */
  async goOn(hosts: readonly string[]): Promise<void> {
    await this.#agents.act(hosts);
    await this.#runs();
  }

  /** Runs that are not finished. */
  async unfinished(): Promise<string[]> {
    return (await this.#parts.world.table.listUnfinishedRuns('9999', 100)).map(({ id }) => id);
  }

  /** A step of one run, at times of two executions at once. */
  async #runs(): Promise<void> {
    const { random } = this.#parts;
    const [first] = await this.unfinished();
    if (first === undefined) return;
    const step = (): Promise<void> =>
      this.#ask(`step of ${first}`, () => runStep(this.#policies, { runId: first }));
    await Promise.all(random.chance(0.2) ? [step(), step()] : [step()]);
  }

  async #call(): Promise<void> {
    const { world, random } = this.#parts;
    const volume = this.#subject();
    const backup = this.#pick();
    const consistency = random.pick(['freeze', 'freeze', 'none'] as const);
    const calls = {
      backup: () => world.backUp(volume, CreateBackup.parse({ consistency })),
      run: () => runPolicy(this.#policies, call(), { policy: policyName }),
      tick: () => this.#tick(),
      ...this.#callsOn(backup?.id ?? 'bak-00000000000000000000000000'),
    };
    const what = random.pick([
      'backup',
      'backup',
      'run',
      'tick',
      'restore',
      'restore',
      'drill',
      'hold',
      'delete',
    ]);
    await this.#ask(`${what} ${volume} ${backup?.id ?? ''}`, calls[what as keyof typeof calls]);
  }

  /** Rather one that is in use: it is frozen for its cut. */
  #subject(): string {
    const { world, random, uses } = this.#parts;
    const [first, ...others] = [...uses.keys()];
    if (first === undefined || random.chance(0.3)) return random.pick(volumes);
    const id = random.pick([first, ...others]);
    const item = [...world.store.items.values()].find(
      ({ entity, id: own }) => entity === 'volume' && own === id,
    );
    return String(item?.['name']);
  }

  #callsOn(backup: string) {
    const { world, random } = this.#parts;
    const name = random.pick(['data', 'logs', 'copy']);
    const { backupsApi } = world;
    return {
      restore: () => restoreBackup(backupsApi, call(), { backup, ...RestoreBackup.parse({ name }) }),
      drill: () => drillBackup(backupsApi, call(), { backup, ...DrillBackup.parse({}) }),
      hold: () => holdBackup(backupsApi, call(), { backup, held: random.chance(0.3), reason: 'audit' }),
      delete: () => deleteBackup(backupsApi, call(), { backup }),
    };
  }

  /** Delivered twice, at times. */
  async #tick(): Promise<void> {
    const { world, random } = this.#parts;
    const at = new Date(Math.floor(world.clock().getTime() / hour) * hour).toISOString();
    const deliver = () => tick(this.#policies, { policyId: this.#policyId, scheduledAt: at });
    await deliver();
    if (random.chance(0.5)) await deliver();
  }

  #pick(): BackupItem | undefined {
    const [first, ...others] = this.#backups();
    return first === undefined ? undefined : this.#parts.random.pick([first, ...others]);
  }

  #backups(): BackupItem[] {
    const items = [...this.#parts.world.store.items.values()];
    return items.filter(({ entity }) => entity === 'backup').map((item) => parseItem('backup', item));
  }

  /** A refusal is an answer; one that is killed is called again by the state machine. */
  async #ask(what: string, ask: () => Promise<unknown>): Promise<void> {
    const { note } = this.#parts;
    try {
      await ask();
      note(what);
    } catch (error) {
      const isRefusal = error instanceof Killed || isProductError(error);
      const text = error instanceof Error ? error.message : '';
      if (!isRefusal && !text.startsWith('there is no')) throw error;
      note(`${what}: ${text}`);
    }
  }

  /** What must hold of backups once everything is at rest. */
  judge(): string[] {
    const { world } = this.#parts;
    const { snapshots } = world.storage.truth;
    const backups = this.#backups();
    const tags = [...snapshots.values()].flatMap(({ tags: all }) => all[tagKeys.backup] ?? []);
    const twice = tags.filter((id, at) => tags.indexOf(id) !== at);
    const good = backups.filter(({ state }) => state === 'available');
    const lost = good.filter(({ storage }) => !snapshots.has(snapshotOfStorage(storage) ?? ''));
    const torn = good.filter((backup) => this.#isTorn(backup));
    const runs = [...world.store.items.values()].filter(
      (item) => item['entity'] === 'run' && item['endedAt'] === undefined,
    );
    return [
      ...twice.map((id) => `two snapshots of the backup ${id}`),
      ...lost.map(({ id }) => `the snapshot of ${id}, which is available, is gone`),
      ...torn.map(({ id }) => `${id} was cut from under a writer, and not frozen until its end`),
      ...this.#agents.frozen.map((id) => `the filesystem on ${id} stays frozen`),
      ...runs.map(({ id }) => `a run never ended: ${String(id)}`),
    ];
  }

  #isTorn({ consistency, storage }: BackupItem): boolean {
    const id = snapshotOfStorage(storage) ?? '';
    const { storage: ec2 } = this.#parts.world;
    return consistency !== 'none' && ec2.cutWhileHeld.has(id) && !this.#agents.isProven(id);
  }
}
