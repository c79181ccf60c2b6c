import { expect } from 'vitest';
import { snapshotOfStorage, type Backup } from '#shared/model/backup.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { Operation } from '#shared/model/operation.ts';
import { pluginOn } from '#test/integration/agent/support/docker-plugin.ts';
import { until } from '#test/support/until.ts';
import type { FaultSwitch } from './admin.ts';
import { isLate, slowStorage, switchOf, type Words } from './backup-aim.ts';
import { isApart, type Place } from './backup-cast.ts';
import { everything, namespaceOf, says, type BackupKill, type KilledKind } from './backup-kills.ts';
import { namespace, rests, type Subject } from './subject.ts';
import { sweep } from './sweep.ts';
import { atOnce, VolumeWorld } from './volume-world.ts';

/** A kill with what its calls name, and what asks for its operation. */
export interface Crash extends BackupKill {
  readonly words: Words;
  /** What the call names in which EC2 is to be slow. */
  readonly slow?: string | undefined;
  /** What a call names that only the operation makes; undefined until it is there. */
  readonly find?: () => Promise<string | undefined>;
  /** What gives time to find it. */
  readonly hold?: FaultSwitch | undefined;
  readonly ask: () => Promise<unknown>;
  /** Its host is woken again later: what is killed at a wake-up comes when it has ended. */
  readonly wakesAgain?: true;
  /** Where no record tells of the operation's end. */
  readonly hasEnded?: () => Promise<boolean>;
}

interface Ending extends Pick<Crash, 'operation' | 'hasEnded'> {
  readonly kind?: KilledKind;
  /** Default: that of its kind. */
  readonly namespace?: string;
}

const patience = { within: everything ? 1_200_000 : 300_000, every: 2_000 };

/** Preparations, kills and waits of the test that kills operations on backups. */
export class BackupKillWorld extends VolumeWorld {
  readonly #slow = new Map<string, FaultSwitch>();

  /** Makes the volumes and brings each one into its state. */
  async prepare(places: readonly Place[]): Promise<void> {
    await this.begin();
    await mapLimit(places, atOnce, (place) => this.create(subjectOf(place)));
    await this.all('the volumes are there', places.map(subjectOf), ({ name }, { live }) =>
      rests(live.get(name)),
    );
    const used = places.filter(({ state }) => state !== 'blank');
    await mapLimit(used, atOnce, async ({ name, host, state }) => {
      const plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
      const body = { Name: name, ID: name };
      const { Err, Mountpoint = '' } = await plugin('Mount', body);
      expect(Err).toBe('');
      await host.run('sh', '-ec', `echo ${name} >${Mountpoint}/file; sync -f ${Mountpoint}`);
      if (state === 'idle') expect((await plugin('Unmount', body)).Err).toBe('');
    });
    const idle = used.filter(({ state }) => state === 'idle');
    await this.wait('what was used is idle', idle, async ({ name }) => {
      const { body } = await this.cloud.api.call('getVolume', { params: { namespace, name } });
      return body.attachments?.every(({ inUse }) => !inUse) ?? true;
    });
  }

  /** What is mounted can be written to: nothing is frozen. */
  async thawed(mounted: readonly Place[]): Promise<void> {
    await mapLimit(mounted, atOnce, ({ name, host }) => {
      const file = `/var/lib/hivemind/volumes/${name}/file`;
      return host.run('timeout', '30', 'sh', '-ec', `echo thawed >>${file}; sync -f ${file}`);
    });
  }

  async unmount(mounted: readonly Place[]): Promise<void> {
    await mapLimit(mounted, atOnce, async ({ name, host }) => {
      const plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
      expect((await plugin('Unmount', { Name: name, ID: name })).Err).toBe('');
    });
    await this.wait('they are idle', mounted, async ({ name }) => {
      const { body } = await this.cloud.api.call('getVolume', { params: { namespace, name } });
      return body.attachments?.every(({ inUse }) => !inUse) ?? true;
    });
  }

  /** Kills them all: those with a host apart one after the other as far as a kill could be another one's, the rest at once. */
  async survive(crashes: readonly Crash[]): Promise<void> {
    const [apart, common] = [crashes.filter(isApart), crashes.filter((crash) => !isApart(crash))];
    const wakes = apart.filter(({ effect }) => effect.service === 'sqs');
    const rest = apart.filter((crash) => !wakes.includes(crash));
    const isSlow = (crash: Crash): boolean => crash.effect.what === 'say' || isLate(crash, crash.words);
    await this.slowDown(crashes.filter(isSlow).flatMap((crash) => slowStorage(crash, crash.slow)));
    const inTurn = async (): Promise<void> => {
      for (const crash of wakes) {
        await this.untilKilled(crash);
        if (crash.wakesAgain === true) await this.ended([crash]);
      }
      await this.ask(rest);
    };
    await Promise.all([this.ask(common), inTurn()]);
    await this.ended(crashes);
    expect(await this.missed(crashes)).toEqual([]);
    process.stdout.write(`${crashes.length} of ${crashes.length} kills happened\n`);
  }

  /** Begins it and waits for its kill alone. */
  async untilKilled(crash: Crash): Promise<void> {
    await this.ask([crash]);
    await until(says(crash), async () => (await this.missed([crash])).length === 0, { within: 90_000 });
  }

  /** Also of what is slow already: each stays so until {@link hurry}. */
  async slowDown(faults: readonly FaultSwitch[]): Promise<void> {
    for (const fault of faults) this.#slow.set(fault.id, fault);
    await this.cloud.storage.setFaults([...this.#slow.values()]);
  }

  async hurry(id: string): Promise<void> {
    this.#slow.delete(id);
    await this.slowDown([]);
  }

  /** Those whose kill has not happened, in words. */
  async missed(crashes: readonly Crash[]): Promise<string[]> {
    const status = await this.cloud.edge.faultStatus();
    const hit = new Set(status.filter(({ injected }) => injected === 1).map(({ id }) => id));
    return crashes.filter(({ key }) => !hit.has(key)).map(says);
  }

  async backupsOf(volume: string): Promise<readonly Backup[]> {
    const { body } = await this.cloud.api.call('listBackups', { params: { namespace }, query: { volume } });
    return body.items;
  }

  /** The one backup of each volume, by the volume's name. */
  async theBackups(places: readonly Place[]): Promise<ReadonlyMap<string, Backup>> {
    const found = await mapLimit(places, atOnce, async ({ name }) => {
      const [backup, ...more] = await this.backupsOf(name);
      expect([name, backup?.state, more]).toEqual([name, 'available', []]);
      return [name, backup as Backup] as const;
    });
    return new Map(found);
  }

  /** They have all succeeded. */
  async ended(operations: readonly Ending[]): Promise<void> {
    const failures: string[] = [];
    await this.wait('the operations have ended', operations, (one) => this.#hasEnded(one, failures));
    expect(failures).toEqual([]);
  }

  /** EBS volumes that stand for no volume of the listing, made from one of these backups. */
  async scratches(backups: readonly Backup[]): Promise<string[]> {
    const snapshots = backups.map(({ storage }) => snapshotOfStorage(storage));
    const { live } = await this.look();
    const listed = [...live.values()].map(({ storage }) => (storage?.kind === 'ebs' ? storage.volumeId : ''));
    return (await this.cloud.storage.volumes())
      .filter(({ snapshotId }) => snapshots.includes(snapshotId))
      .map(({ id }) => id)
      .filter((id) => !listed.includes(id));
  }

  /** Aims their kills and begins them. */
  async ask(crashes: readonly Crash[]): Promise<void> {
    const early = crashes.filter((crash) => !isLate(crash, crash.words));
    await this.cloud.edge.addFaults([
      ...early.map((crash) => switchOf(crash, crash.words)),
      ...crashes.flatMap(({ hold }) => hold ?? []),
    ]);
    const late = crashes.filter((crash) => isLate(crash, crash.words));
    // As a caller does who got no answer: again, under the same key.
    const begin = (crash: Crash): Promise<boolean> =>
      until(says(crash), () => crash.ask().then(() => true), { within: 90_000, every: 500 });
    await Promise.all([mapLimit(crashes, atOnce, begin), ...late.map((crash) => this.#aimLate(crash))]);
  }

  async #aimLate(crash: Crash): Promise<void> {
    const { action } = crash.effect;
    const made = await until(`what ${says(crash)} is about`, async () => crash.find?.(), {
      within: 240_000,
      every: 1_000,
    });
    await this.cloud.edge.addFaults([switchOf(crash, { ...crash.words, [action]: made })]);
  }

  async operationOf({ operation, kind, namespace: own }: Ending): Promise<Operation> {
    const params = { namespace: own ?? (kind === undefined ? namespace : namespaceOf(kind)), operation };
    const { body } = await this.cloud.api.call('getOperation', { params });
    return body;
  }

  async #hasEnded(one: Ending, failures: string[]): Promise<boolean> {
    if (one.hasEnded !== undefined) return one.hasEnded();
    const body = await this.operationOf(one);
    if (body.status === 'failed') failures.push(`${nameOf(one)}: ${body.message}`);
    return body.status === 'failed' || body.status === 'succeeded';
  }

  /** The sweeper comes oftener than by its schedule. */
  async wait<T extends Named>(
    what: string,
    all: readonly T[],
    isSo: (one: T) => Promise<boolean>,
  ): Promise<void> {
    let open = [...all];
    await until(
      what,
      async () => {
        await sweep(this.cloud.file).catch(() => undefined);
        const still = await mapLimit(open, atOnce, async (one) => ((await isSo(one)) ? [] : [one]));
        open = still.flat();
        expect(open.map(nameOf)).toEqual([]);
        return true;
      },
      patience,
    );
  }
}

type Named = { readonly operation: string } | { readonly name: string } | BackupKill;

function nameOf(one: Named): string {
  if ('effect' in one) return says(one);
  return 'name' in one ? one.name : one.operation;
}

const subjectOf = ({ name, type, host }: Place): Subject => ({
  name,
  type,
  host,
  next: host,
  volume: undefined,
});
