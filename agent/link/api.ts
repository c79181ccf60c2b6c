import type {
  Assignment,
  ClaimAnswer,
  FormatTicket,
  LeaseAnswer,
  ObservedAttachment,
  Registration,
  SyncAnswer,
} from '#shared/model/host.ts';
import type {
  CompleteExport,
  ExportParts,
  ImportSource,
  SignedPart,
} from '#shared/model/archive-transfer.ts';
import type { RepositoryGrant } from '#shared/model/repository.ts';
import type { CutAnswer, ManifestAnswer, ManifestRequest, TaskResult } from '#shared/model/task.ts';
import type { CreateVolumeInput, Volume } from '#shared/model/volume.ts';
import type * as z from 'zod';

type Unbooted<S extends z.ZodType> = Omit<z.input<S>, 'bootId'>;

/**
 * What a host says to the control plane about itself. Which host is calling is in the signature, never in a body.
 * Every call rejects with a ProductError; `Unavailable`, `Throttled`, `TimedOut` and `Internal` mean: the API is away.
 */
export interface HostApi {
  register(): Promise<Registration>;
  sync(observed: readonly ObservedAttachment[]): Promise<SyncAnswer>;
  /** Has a volume attached here; raises the epoch where it changes hands. */
  claim(name: string, readOnly?: boolean): Promise<ClaimAnswer>;
  /** Contract 3: a conditional write under `epoch`. @throws StaleEpoch when the lease has moved on. */
  setLease(
    volumeId: string,
    lease: { epoch: number; inUse: boolean; use?: string | undefined },
  ): Promise<z.infer<typeof LeaseAnswer>>;
  /** Contract 1. @throws TicketRefused for anything but a blank volume, or the repeat of an unfinished format. */
  takeTicket(volumeId: string, ticket: { epoch: number; serial: string }): Promise<FormatTicket>;
  reportFormatted(
    volumeId: string,
    report: { epoch: number; uuid: string; mounted: boolean },
  ): Promise<Assignment>;
  release(volumeId: string, epoch: number): Promise<void>;
  reportPurged(volumeId: string, accessPointId: string): Promise<void>;
  /** The volume is frozen: has the snapshot made; resolves once it is. @throws StaleEpoch, OperationNotFound */
  cut(operationId: string, epoch: number): Promise<CutAnswer>;
  reportTask(operationId: string, result: TaskResult): Promise<void>;
  /** Where parts of an archive go. A new `attempt` begins a new upload. @throws OperationNotFound when it is not wanted any more */
  signExportParts(operationId: string, request: Unbooted<typeof ExportParts>): Promise<SignedPart[]>;
  completeExport(operationId: string, request: Unbooted<typeof CompleteExport>): Promise<void>;
  /** Where the archive is that is to be unpacked. @throws OperationNotFound */
  importSource(operationId: string): Promise<ImportSource>;
  /** About the manifest of the task's backup: where to write it, that it is written, where to read it. */
  manifest(operationId: string, request: ManifestWish): Promise<ManifestAnswer>;
  /** Keys and password of the task's repository; newer ones each time. @throws OperationNotFound when it is not wanted any more */
  grantRepository(operationId: string, begin: boolean): Promise<RepositoryGrant>;
}

type WithoutBoot<T> = T extends unknown ? Omit<T, 'bootId'> : never;
export type ManifestWish = WithoutBoot<ManifestRequest>;

/** Volumes of the host's namespace: what Docker asks for. */
export interface VolumesApi {
  create(body: CreateVolumeInput): Promise<void>;
  /** Undefined when there is none of that name. */
  get(name: string): Promise<Volume | undefined>;
  list(): Promise<Volume[]>;
  /** Begins the delete; it has happened when `get` no longer finds it. Already gone is success. */
  remove(name: string): Promise<void>;
}

export type Api = HostApi & VolumesApi;
