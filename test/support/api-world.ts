import { randomUUID } from 'node:crypto';
import type { Assignment, SyncAnswer } from '#shared/model/host.ts';
import { isFinished } from '#shared/model/operation.ts';
import { createRouter } from '#shared/runtime/router.ts';
import { hostRoutes } from '#functions/hosts/host-routes.ts';
import { backupRoutes } from '#functions/backups/backup-routes.ts';
import { volumeRoutes } from '#functions/volumes/volume-routes.ts';
import { Table } from '#shared/aws/table/table.ts';
import type { ItemStore } from '#shared/aws/table/store.ts';
import type { MemoryStore } from '#test/fakes/memory-store.ts';
import { World, type WorldOptions } from '#test/unit/workers/support/world.ts';

export const roleId = 'AROAHIVEMINDHOSTS1234';
const account = '000000000000';
export const alice = {
  userArn: `arn:aws:iam::${account}:user/alice`,
  userId: 'AIDAALICE',
  accountId: account,
};
export const bob = { userArn: `arn:aws:iam::${account}:user/bob`, userId: 'AIDABOB', accountId: account };

/** What IAM says of the host's role session. */
export function sessionOf(hostId: string): typeof alice {
  return {
    userArn: `arn:aws:sts::${account}:assumed-role/hivemind-host/${hostId}`,
    userId: `${roleId}:${hostId}`,
    accountId: account,
  };
}

export interface ApiRequest {
  readonly method?: string;
  readonly path: string;
  /** As it stands behind the "?". */
  readonly query?: string;
  /** An object is sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null: IAM authenticated nobody. */
  readonly iam?: typeof alice | null;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // oxlint-disable-next-line no-explicit-any -- tests look into bodies of every kind
  readonly body: any;
}

/** The event that API Gateway makes of a request, payload 2.0. */
export function eventOf({
  method = 'GET',
  path,
  query = '',
  body,
  headers = {},
  iam = alice,
}: ApiRequest): unknown {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return {
    version: '2.0',
    rawPath: path,
    rawQueryString: query,
    headers: { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(text === undefined ? {} : { body: text }),
    isBase64Encoded: false,
    requestContext: {
      requestId: 'request-1',
      http: { method, path },
      ...(iam === null ? {} : { authorizer: { iam } }),
    },
  };
}

/** Says what was signed, in place of a signature. */
const fakeObjects = {
  put: (key: string, sha256: string) =>
    Promise.resolve({ url: `https://archive.invalid/${key}`, headers: { 'x-amz-checksum-sha256': sha256 } }),
  get: (key: string) => Promise.resolve({ url: `https://archive.invalid/${key}`, headers: {} }),
};

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly data: Record<string, unknown>;
}

export interface ApiWorldOptions extends WorldOptions {
  /** What the API sees of the table. */
  readonly apiStore?: (store: MemoryStore) => ItemStore;
}

/** Both APIs over the table in memory, the real workers and EC2's fake; spoken to as API Gateway does. */
export class ApiWorld {
  readonly world: World;
  readonly log: Line[] = [];
  readonly queues: unknown[] = [];
  readonly #volumes: ReturnType<typeof createRouter>;
  readonly #backups: ReturnType<typeof createRouter>;
  readonly #hosts: ReturnType<typeof createRouter>;

  constructor(options: ApiWorldOptions = {}) {
    const { apiStore } = options;
    this.world = new World(options);
    const keep = (level: string) => (message: string, data: Record<string, unknown>) =>
      void this.log.push({ level, message, data });
    const log = { info: keep('info'), warn: keep('warn'), error: keep('error') };
    const { store, table } = this.world;
    const ports = {
      ...this.world.api,
      objects: this.world.objects,
      table: apiStore === undefined ? table : new Table(apiStore(store)),
      log,
    };
    const queues = {
      ensure: (owner: { hostId: string }) => {
        this.queues.push(owner);
        return Promise.resolve(
          `https://sqs.us-east-1.amazonaws.com/${account}/hivemind-host-${owner.hostId}`,
        );
      },
    };
    const hostSettings = { roleId, pollSeconds: 20 };
    this.#volumes = createRouter('volumes', volumeRoutes(ports), log);
    this.#backups = createRouter('backups', backupRoutes({ ...ports, ...this.world.policies.ports }), log);
    this.#hosts = createRouter(
      'hosts',
      hostRoutes({
        ...ports,
        queues,
        snapshots: this.world.storage,
        manifests: fakeObjects,
        repositories: this.world.repositories,
        newUuid: randomUUID,
        hostSettings,
      }),
      log,
    );
  }

  async send(request: ApiRequest): Promise<ApiAnswer> {
    const serve = this.#serverOf(request.path);
    const { statusCode, headers, body } = await serve(eventOf(request));
    return { status: statusCode, headers, body: JSON.parse(body) as unknown };
  }

  /** As the HTTP API's routes say. */
  #serverOf(path: string): ReturnType<typeof createRouter> {
    if (path.startsWith('/v1/host/')) return this.#hosts;
    const ofBackups =
      /^\/v1\/namespaces\/[^/]+\/((backups|exports|imports|policies)(\/|$)|volumes\/[^/]+\/(backups|exports|imports)$)/;
    return ofBackups.test(path) ? this.#backups : this.#volumes;
  }

  get(path: string, query = ''): Promise<ApiAnswer> {
    return this.send({ path, query });
  }

  post(path: string, body: unknown = {}, parts: Partial<ApiRequest> = {}): Promise<ApiAnswer> {
    return this.send({ method: 'POST', path, body, ...parts });
  }

  /** Creates a volume in the default namespace and lets the work run. */
  async create(body: Readonly<Record<string, unknown>>): Promise<ApiAnswer> {
    const answer = await this.post('/v1/namespaces/default/volumes', body);
    await this.work();
    return answer;
  }

  async volume(name: string): Promise<ApiAnswer['body']> {
    return (await this.get(`/v1/namespaces/default/volumes/${name}`)).body;
  }

  /** Runs every started EBS operation until it ends; `most` invocations each. */
  async work(most = 500): Promise<void> {
    for (const id of this.world.started.splice(0)) {
      const operation = await this.world.operation(id);
      if (operation.driver === 'ebs' && !isFinished(operation.status)) await this.world.run(id, most);
    }
  }

  /** A host's agent, registered. */
  async host(id: string, availabilityZone = 'us-east-1a'): Promise<HostActor> {
    this.world.instances.set(id, { availabilityZone });
    const actor = new HostActor(this, id);
    await actor.register();
    return actor;
  }
}

/** What an agent says to the API, in the name of its host. */
export class HostActor {
  readonly #api: ApiWorld;
  readonly id: string;
  bootId = randomUUID();

  constructor(api: ApiWorld, id: string) {
    this.#api = api;
    this.id = id;
  }

  /** `path` is what follows `/v1/host/`, with its query. */
  send(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const [bare = '', query = ''] = path.split('?');
    const request = { method, path: `/v1/host/${bare}`, query, iam: sessionOf(this.id) };
    return this.#api.send({ ...request, ...(body === undefined ? {} : { body }) });
  }

  register(drivers: readonly string[] = ['ebs', 'efs', 'bind', 'tmpfs']): Promise<ApiAnswer> {
    return this.send('POST', 'register', {
      bootId: this.bootId,
      agentVersion: '0.1.0',
      hostname: this.id,
      drivers,
    });
  }

  claim(name: string, parts: object = {}): Promise<ApiAnswer> {
    return this.send('POST', `volumes/${name}/claim`, { bootId: this.bootId, ...parts });
  }

  async sync(observed: readonly object[] = []): Promise<SyncAnswer> {
    const answer = await this.send('POST', 'sync', { bootId: this.bootId, observed });
    return answer.body as SyncAnswer;
  }

  async assignment(name: string): Promise<Assignment | undefined> {
    return (await this.sync()).assignments.find((assignment) => assignment.name === name);
  }

  /** Claims, lets the work run, and gives the assignment. */
  async take(name: string): Promise<Assignment> {
    await this.claim(name);
    await this.#api.work();
    return (await this.claim(name)).body.assignment as Assignment;
  }

  lease(
    { volumeId, epoch }: { volumeId: string; epoch: number },
    inUse: boolean,
    use?: string,
  ): Promise<ApiAnswer> {
    const body = { bootId: this.bootId, epoch, inUse, ...(use === undefined ? {} : { use }) };
    return this.send('POST', `attachments/${volumeId}/lease`, body);
  }

  ticket({ volumeId, epoch }: { volumeId: string; epoch: number }, serial: string): Promise<ApiAnswer> {
    return this.send('POST', `attachments/${volumeId}/ticket`, { bootId: this.bootId, epoch, serial });
  }

  formatted(
    { volumeId, epoch }: { volumeId: string; epoch: number },
    uuid: string,
    mounted: boolean,
  ): Promise<ApiAnswer> {
    return this.send('POST', `attachments/${volumeId}/formatted`, {
      bootId: this.bootId,
      epoch,
      uuid,
      mounted,
    });
  }

  release({ volumeId, epoch }: { volumeId: string; epoch: number }): Promise<ApiAnswer> {
    return this.send('POST', `attachments/${volumeId}/release`, { bootId: this.bootId, epoch });
  }
}
