import { isErrorCode, ProductError } from '#shared/model/errors.ts';
import type { Host } from '#shared/model/host.ts';
import { matchesLabels, parseSelector } from '#shared/model/labels.ts';
import { isFinished, type Operation } from '#shared/model/operation.ts';
import type { RouteName } from '#shared/model/routes.ts';
import { CreateVolume, type Volume } from '#shared/model/volume.ts';
import { hostOf, operationOf, volumeOf } from './values.ts';

/** One call, parsed. */
export interface FakeCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface FakeAnswer {
  readonly status: number;
  readonly body: unknown;
}

type Handlers = Readonly<Partial<Record<RouteName, (state: FakeState, call: FakeCall) => FakeAnswer>>>;

const pageSize = 2;

/** What the fake remembers. */
export class FakeState {
  readonly volumes = new Map<string, Volume>();
  readonly deleted = new Map<string, Volume>();
  readonly operations = new Map<string, Operation>();
  host: Host = hostOf('default');

  volume({ params }: FakeCall): Volume {
    const name = params['name'] ?? '';
    const code = name.replace(/^problem-/, '');
    if (name.startsWith('problem-') && isErrorCode(code)) {
      throw new ProductError(code, `Problem ${code}, as asked.`, { value: name, hint: 'Ask for another.' });
    }
    const volume = this.volumes.get(name);
    if (volume !== undefined) return volume;
    throw new ProductError('VolumeNotFound', `There is no volume "${name}".`, {
      value: name,
      hint: 'hivemind volume ls lists the volumes.',
    });
  }

  change(volume: Volume, changes: Partial<Volume>): Volume {
    const changed = { ...volume, ...changes, revision: volume.revision + 1 };
    this.volumes.set(volume.name, changed);
    return changed;
  }

  begin(volume: Volume, kind: Operation['kind']): Operation {
    const operation = operationOf(volume, kind);
    this.operations.set(operation.id, operation);
    return operation;
  }
}

const create = (state: FakeState, { params, body }: FakeCall): FakeAnswer => {
  const wanted = volumeOf(CreateVolume.parse(body), params['namespace'] ?? 'default');
  const present = state.volumes.get(wanted.name);
  if (present !== undefined) {
    if (present.sizeBytes === wanted.sizeBytes && present.type === wanted.type)
      return { status: 200, body: present };
    throw new ProductError('NameTaken', `The name "${wanted.name}" is taken.`, { value: wanted.name });
  }
  state.volumes.set(wanted.name, wanted);
  if (wanted.type !== 'local') return { status: 201, body: wanted };
  return { status: 202, body: state.begin(wanted, 'create') };
};

const list = (state: FakeState, { query }: FakeCall): FakeAnswer => {
  const from = query.get('deleted') === 'true' ? state.deleted : state.volumes;
  const conditions = query.getAll('label').flatMap(parseSelector);
  const type = query.get('type');
  const found = [...from.values()]
    .filter((volume) => matchesLabels(volume.labels, conditions) && (type === null || volume.type === type))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const begin = Number(query.get('cursor') ?? 0);
  const end = begin + pageSize;
  return {
    status: 200,
    body: { items: found.slice(begin, end), ...(end < found.length ? { cursor: String(end) } : {}) },
  };
};

const update = (state: FakeState, call: FakeCall): FakeAnswer => {
  const volume = state.volume(call);
  const match = call.headers['if-match'];
  if (match !== undefined && match !== `"${volume.revision}"`) {
    throw new ProductError('StaleRevision', `The volume is at revision ${volume.revision}.`, {
      value: match,
    });
  }
  return { status: 200, body: state.change(volume, call.body) };
};

const remove = (state: FakeState, call: FakeCall): FakeAnswer => {
  const volume = state.volume(call);
  if (volume.protected) throw new ProductError('VolumeProtected', `"${volume.name}" is protected.`);
  if (volume.hosts.length > 0 && call.query.get('force') !== 'true') {
    throw new ProductError('VolumeBusy', `"${volume.name}" is in use on ${volume.hosts.join()}.`);
  }
  state.volumes.delete(volume.name);
  const at = { deletedAt: volume.createdAt, purgeAt: '2099-01-01T00:00:00.000Z' };
  const tombstone: Volume = { ...volume, state: 'deleted', hosts: [], ...at };
  if (call.query.get('purge') === 'true') return { status: 200, body: { ...tombstone, state: 'purged' } };
  state.deleted.set(volume.name, tombstone);
  return { status: 200, body: tombstone };
};

const undelete = (state: FakeState, { params, body }: FakeCall): FakeAnswer => {
  const name = params['name'] ?? '';
  const tombstone = state.deleted.get(name);
  if (tombstone === undefined) throw new ProductError('VolumeNotFound', `No deleted volume "${name}".`);
  const as = typeof body['as'] === 'string' ? body['as'] : name;
  if (state.volumes.has(as)) throw new ProductError('NameTaken', `The name "${as}" is taken.`, { value: as });
  state.deleted.delete(name);
  const { deletedAt: _deletedAt, purgeAt: _purgeAt, ...kept } = tombstone;
  return { status: 200, body: state.change({ ...kept, name: as }, { state: 'available' }) };
};

const attach = (state: FakeState, call: FakeCall): FakeAnswer => {
  const volume = state.volume(call);
  const host = String(call.body['host']);
  const elsewhere = volume.hosts.some((holder) => holder !== host);
  if (elsewhere && call.body['forceDetach'] !== true) {
    throw new ProductError('VolumeBusy', `"${volume.name}" is in use on ${volume.hosts.join()}.`);
  }
  return { status: 200, body: state.change(volume, { state: 'attached', hosts: [host] }) };
};

const detach = (state: FakeState, call: FakeCall): FakeAnswer => ({
  status: 200,
  body: state.change(state.volume(call), { state: 'available', hosts: [] }),
});

const getOperation = (state: FakeState, { params }: FakeCall): FakeAnswer => {
  const operation = state.operations.get(params['operation'] ?? '');
  if (operation === undefined) throw new ProductError('OperationNotFound', 'There is no such operation.');
  const next = isFinished(operation.status) ? operation : advance(operation);
  state.operations.set(next.id, next);
  return { status: 200, body: next };
};

function advance(operation: Operation): Operation {
  if (operation.volume.startsWith('stuck')) return { ...operation, status: 'running', message: 'waiting' };
  if (operation.volume.startsWith('broken')) {
    const error = {
      code: 'StorageFailed',
      detail: 'AWS could not create it.',
      hint: 'Look at the key policy.',
    };
    return { ...operation, status: 'failed', progress: 50, error };
  }
  const progress = operation.progress === 0 ? 33 : operation.progress === 33 ? 66 : 100;
  return {
    ...operation,
    progress,
    status: progress === 100 ? 'succeeded' : 'running',
    message: `step ${progress}`,
  };
}

const getHost = (state: FakeState): FakeAnswer => {
  if (state.host.draining) {
    const [idle] = (state.host.volumes ?? []).filter(({ inUse }) => !inUse);
    state.host = { ...state.host, volumes: (state.host.volumes ?? []).filter((volume) => volume !== idle) };
  }
  return { status: 200, body: state.host };
};

const drainHost = (state: FakeState, { body }: FakeCall): FakeAnswer => {
  state.host = { ...state.host, draining: body['draining'] === true };
  return { status: 200, body: state.host };
};

const all = <T>(items: Iterable<T>): FakeAnswer => ({ status: 200, body: { items: [...items] } });

/** The routes that the fake serves; README.md says how they behave. */
export const handlers: Handlers = {
  createVolume: create,
  seedCreate: create,
  listVolumes: list,
  seedList: (state) => ({ status: 200, body: [...state.volumes.values()] }),
  getVolume: (state, call) => ({ status: 200, body: state.volume(call) }),
  updateVolume: update,
  deleteVolume: remove,
  undeleteVolume: undelete,
  attachVolume: attach,
  detachVolume: detach,
  listOperations: (state) => all([...state.operations.values()].toReversed()),
  getOperation,
  listHosts: (state) => all([state.host]),
  getHost,
  drainHost,
  whoAmI: () => ({
    status: 200,
    body: {
      arn: 'arn:aws:iam::000000000000:user/fake',
      userId: 'AIDAFAKE',
      account: '000000000000',
      now: new Date().toISOString(),
      version: '0.1.0',
    },
  }),
};
