import { createClient, type Credentials } from '#shared/client/client.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { Driver } from '#shared/model/volume.ts';
import type { Api, HostApi, VolumesApi } from './api.ts';

export interface ApiOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Promise<Credentials>;
  readonly bootId: string;
  readonly hostname: string;
  readonly agentVersion: string;
  readonly drivers: readonly Driver[];
}

/** Docker waits a minute for most things: a black hole must be noticed well before. */
const timeoutMs = 15_000;
const pageSize = 1_000;

type Client = ReturnType<typeof createClient>;

/** The API over the wire, signed as this host's role. */
export function apiOverHttp(options: ApiOptions): Api {
  const { endpoint, region, credentials } = options;
  const client = createClient({ endpoint, region, credentials, timeout: timeoutMs, tries: 2 });
  return { ...hostApi(client, options), ...volumesApi(client) };
}

function hostApi(client: Client, { bootId, hostname, agentVersion, drivers }: ApiOptions): HostApi {
  return {
    async register() {
      const body = { bootId, agentVersion, hostname, drivers: [...drivers] };
      return (await client.call('registerHost', { body })).body;
    },
    async sync(observed) {
      return (await client.call('syncHost', { body: { bootId, observed: [...observed] } })).body;
    },
    async claim(name, readOnly) {
      const body = { bootId, ...(readOnly === undefined ? {} : { readOnly }) };
      return (await client.call('claimVolume', { params: { name }, body })).body;
    },
    async setLease(volumeId, lease) {
      return (await client.call('setLease', { params: { volumeId }, body: { bootId, ...lease } })).body;
    },
    async takeTicket(volumeId, ticket) {
      return (await client.call('takeTicket', { params: { volumeId }, body: { bootId, ...ticket } })).body;
    },
    async reportFormatted(volumeId, report) {
      return (await client.call('reportFormatted', { params: { volumeId }, body: { bootId, ...report } }))
        .body;
    },
    async release(volumeId, epoch) {
      await client.call('releaseVolume', { params: { volumeId }, body: { bootId, epoch } });
    },
    async reportPurged(volumeId, accessPointId) {
      await client.call('reportPurged', { params: { volumeId }, body: { accessPointId } });
    },
    ...taskApi(client, bootId),
    ...transferApi(client, bootId),
  };
}

function taskApi(
  client: Client,
  bootId: string,
): Pick<HostApi, 'cut' | 'reportTask' | 'manifest' | 'grantRepository'> {
  return {
    async cut(operation, epoch) {
      return (await client.call('cutVolume', { params: { operation }, body: { bootId, epoch } })).body;
    },
    async reportTask(operation, result) {
      await client.call('reportTask', { params: { operation }, body: { bootId, result } });
    },
    async manifest(operation, wish) {
      return (await client.call('taskManifest', { params: { operation }, body: { bootId, ...wish } })).body;
    },
    async grantRepository(operation, begin) {
      return (await client.call('grantRepository', { params: { operation }, body: { bootId, begin } })).body;
    },
  };
}

function transferApi(
  client: Client,
  bootId: string,
): Pick<HostApi, 'signExportParts' | 'completeExport' | 'importSource'> {
  return {
    async signExportParts(operation, request) {
      const body = { bootId, ...request };
      return (await client.call('signExportParts', { params: { operation }, body })).body.parts;
    },
    async completeExport(operation, request) {
      await client.call('completeExport', { params: { operation }, body: { bootId, ...request } });
    },
    async importSource(operation) {
      return (await client.call('importSource', { params: { operation }, body: { bootId } })).body;
    },
  };
}

function volumesApi(client: Client): VolumesApi {
  return {
    async create(body) {
      await client.call('hostCreateVolume', { body });
    },
    async get(name) {
      try {
        return (await client.call('hostGetVolume', { params: { name } })).body;
      } catch (error) {
        if (isProductError(error, 'VolumeNotFound')) return undefined;
        throw error;
      }
    },
    async list() {
      const volumes = [];
      let cursor: string | undefined;
      do {
        const query = { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) };
        const { body } = await client.call('hostListVolumes', { query });
        volumes.push(...body.items);
        cursor = body.cursor;
      } while (cursor !== undefined);
      return volumes;
    },
    async remove(name) {
      try {
        await client.call('hostDeleteVolume', { params: { name } });
      } catch (error) {
        if (!isProductError(error, 'VolumeNotFound')) throw error;
      }
    },
  };
}
