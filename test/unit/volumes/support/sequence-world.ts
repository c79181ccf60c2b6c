import { randomUUID } from 'node:crypto';
import type { AttachmentItem } from '#shared/model/items.ts';
import { isProductError } from '#shared/model/errors.ts';
import { busyStates, tombstoneStates } from '#shared/model/states.ts';
import type { BlockAction, BlockFault } from '#test/fakes/fake-block-storage.ts';
import { Killed } from '#test/fakes/killed.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { ApiWorld, type HostActor } from '#test/support/api-world.ts';
import { WatchedStore, type TableFault } from './watched-store.ts';

export const hostIds = ['i-0000000000000000a', 'i-0000000000000000b'] as const;
/** x has a zone, y is placed by its first host, z is a directory that many hosts may use. */
const bodies = {
  x: { name: 'x', size: '1G', availabilityZone: 'us-east-1a' },
  y: { name: 'y', size: '2G' },
  z: { name: 'z', type: 'hostpath', options: { path: '/srv/z' } },
} as const;
export type Name = keyof typeof bodies;
export const names = Object.keys(bodies) as Name[];
const volumes = '/v1/namespaces/default/volumes';

/** API, workers, sweeper and two hosts that obey the contracts, under faults. Every call may be cut off; none may do harm. */
export class SequenceWorld {
  readonly api: ApiWorld;
  readonly store: WatchedStore;
  readonly hosts: HostActor[] = [];
  readonly #awsFaults: BlockFault[] = [];
  /** Devices that a host really holds: `EBS volume, host`. */
  readonly #held = new Map<string, { volumeId: string; hostId: string }>();
  /** Hosts that were cut off on purpose, with force. */
  forced = false;
  answers = 0;

  constructor() {
    this.store = new WatchedStore();
    this.api = new ApiWorld({
      fault: (action) => this.#takeFault(action),
      apiStore: () => this.store,
      workerStore: () => this.store,
    });
    this.store.open(this.api.world.store);
  }

  async begin(): Promise<void> {
    for (const id of hostIds) this.hosts.push(await this.api.host(id));
    // With hosts in two zones, what names no zone stays unplaced.
    await this.api.host('i-0000000000000000c', 'us-east-1b');
  }

  fail(kind: 'table' | 'aws', fault: TableFault | BlockFault): void {
    if (kind === 'table') this.store.next.push(fault as TableFault);
    else this.#awsFaults.push(fault as BlockFault);
  }

  #takeFault(action: BlockAction): BlockFault | undefined {
    const [fault] = this.#awsFaults;
    if (fault === undefined) return undefined;
    const onlyCreate = fault === 'drop' || fault === 'error';
    if (onlyCreate && action !== 'createVolume') return undefined;
    if (fault === 'stuck' && action !== 'attach') return undefined;
    if (action === 'read' && fault !== 'throttle' && fault !== 'unavailable') return undefined;
    return this.#awsFaults.shift();
  }

  async post(path: string, body: object): Promise<void> {
    await this.api.post(path, body);
    this.answers++;
  }

  async create(name: Name, key: string | undefined): Promise<void> {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    await this.api.post(volumes, bodies[name], { headers });
  }

  attach(name: string, host: number, forceDetach: boolean): Promise<void> {
    this.forced ||= forceDetach;
    return this.post(`${volumes}/${name}/attach`, { host: hostIds[host], forceDetach });
  }

  detach(name: string, forceDetach: boolean): Promise<void> {
    this.forced ||= forceDetach;
    return this.post(`${volumes}/${name}/detach`, { forceDetach });
  }

  async remove(name: string, query: string): Promise<void> {
    // The other worker is not part of this world: nothing here would end the wait.
    if (name === 'z' && query === 'force=true') return;
    await this.api.send({ method: 'DELETE', path: `${volumes}/${name}`, query });
  }

  undelete(name: string): Promise<void> {
    return this.post(`${volumes}/${name}/undelete`, {});
  }

  /** The agent claims the volume; where it is ready it sets inUse, and only then opens the device. */
  async mount(name: string, host: number): Promise<void> {
    const actor = this.#host(host);
    const { body } = await actor.claim(name);
    if (body.ready !== true) return;
    const set = await actor.lease(body.assignment, true);
    const ebs: unknown = body.assignment.storage?.volumeId;
    if (set.status !== 200 || typeof ebs !== 'string') return;
    this.#held.set(`${body.assignment.volumeId} ${actor.id}`, { volumeId: ebs, hostId: actor.id });
    this.api.world.storage.hold(ebs, actor.id);
  }

  /** The agent lets go of all it holds, then clears inUse, then gives back what it is asked for. */
  async unmount(host: number): Promise<void> {
    const actor = this.#host(host);
    const assignments = (await actor.sync()).assignments ?? [];
    for (const [key, { volumeId, hostId }] of this.#held) {
      if (hostId !== actor.id) continue;
      this.api.world.storage.release(volumeId, hostId);
      this.#held.delete(key);
    }
    for (const assignment of assignments) {
      if (assignment.inUse) await actor.lease(assignment, false);
      if (assignment.desired === 'detached') await actor.release(assignment);
    }
  }

  /** EC2 stops the machine: nothing there holds anything any more; then it boots and registers. */
  async power(host: number, up: boolean): Promise<void> {
    const actor = this.#host(host);
    for (const [key, { volumeId, hostId }] of this.#held) {
      if (hostId !== actor.id) continue;
      this.api.world.storage.release(volumeId, hostId);
      this.#held.delete(key);
    }
    this.api.world.instances.set(actor.id, { state: up ? 'running' : 'stopped' });
    if (!up) return;
    actor.bootId = randomUUID();
    await actor.register();
  }

  /** One invocation of the worker for each unfinished operation; what is killed stays as it is. */
  async work(): Promise<void> {
    for (const { id, driver } of await this.api.world.table.listUnfinishedOperations('9999')) {
      if (driver !== 'ebs') continue;
      await survives(() => this.api.world.step(id));
    }
  }

  /** Some rounds of the state machine, with its waits. */
  async workOn(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await this.work();
      this.api.world.pass(5);
    }
  }

  async sweep(): Promise<void> {
    const executions = { state: () => Promise.resolve('missing' as const), start: () => Promise.resolve() };
    await survives(() => sweep(this.api.world.sweepPorts({ executions, runs: executions })));
  }

  /** Faults end; hosts run and let go; the workers go on until nothing is left to do. */
  async settle(): Promise<void> {
    this.store.next = [];
    this.#awsFaults.length = 0;
    for (let round = 0; round < 400; round++) {
      for (const host of [0, 1]) await this.unmount(host);
      await this.work();
      this.api.world.pass(10);
      const left = await this.api.world.table.listUnfinishedOperations('9999');
      if (left.every(({ driver }) => driver !== 'ebs')) return;
    }
  }

  /** What must hold at every moment. */
  async check(): Promise<string[]> {
    const found = [...this.store.violations];
    const items = [...this.api.world.store.items.values()];
    for (const volume of items.filter(({ sk }) => sk === 'DESIRED')) {
      const twins = items.filter(({ pk, sk }) => pk === volume['pk'] && String(sk).startsWith('ATT#'));
      const wanted = twins.filter(({ desired }) => desired === 'attached');
      if (volume['driver'] === 'ebs' && wanted.length > 1) found.push('given to two hosts at once');
      for (const twin of twins as unknown as AttachmentItem[]) {
        const other = items.find(
          ({ pk, sk }) => pk === `HOST#${twin.hostId}` && sk === `ATT#${twin.volumeId}`,
        );
        if (JSON.stringify(without(other)) !== JSON.stringify(without(twin)))
          found.push('an attachment differs from its twin');
      }
      const claim = items.find(({ pk, sk }) => pk === 'NS#default#NAMES' && sk === volume['name']);
      const dead = tombstoneStates.has(volume['state'] as 'deleted');
      if (!dead && claim?.['volumeId'] !== volume['id']) found.push('a volume without its name');
      if (dead && claim?.['volumeId'] === volume['id']) found.push('a tombstone keeps its name');
    }
    if (!this.forced && this.api.world.storage.cutOff.length > 0)
      found.push('a device was torn from a host that held it');
    return Promise.resolve(found);
  }

  /** What must hold when all is quiet. */
  async checkQuiet(): Promise<string[]> {
    const found = await this.check();
    const left = await this.api.world.table.listUnfinishedOperations('9999');
    found.push(
      ...left
        .filter(({ driver }) => driver === 'ebs')
        .map(({ kind, message, trail }) => `unfinished: ${kind}, ${message} ${trail.join()}`),
    );
    const known = new Set<unknown>();
    for (const volume of this.api.world.store.items.values()) {
      if (volume['sk'] !== 'DESIRED' || volume['driver'] !== 'ebs') continue;
      if (busyStates.has(volume['state'] as 'creating')) found.push(`stays ${String(volume['state'])}`);
      known.add((volume['storage'] as { volumeId?: string } | undefined)?.volumeId);
    }
    for (const [id, { state, tags }] of this.api.world.storage.truth.volumes) {
      if (state === 'error' || state === 'deleting') continue;
      if (!known.has(id)) found.push(`leaked: ${id} of ${tags['hivemind:volume-id'] ?? '?'}`);
    }
    return found;
  }

  #host(at: number): HostActor {
    const actor = this.hosts[at];
    if (actor === undefined) throw new RangeError(`there is no host ${at}`);
    return actor;
  }
}

/** A killed or refused function: it is called again later. */
async function survives(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Killed) && !isProductError(error)) throw error;
  }
}

function without(item: unknown): unknown {
  const { pk: _pk, sk: _sk, entity: _entity, ...rest } = { ...(item as Record<string, unknown>) };
  return rest;
}
