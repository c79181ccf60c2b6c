import { ProductError } from './errors.ts';
import type { VolumeItem } from './items.ts';
import { GiB, defaultSizeBytes, formatSize, maxEbsBytes } from './size.ts';
import { checkOptions, wrongField } from './rules-options.ts';
import {
  FilesystemType,
  type Owner,
  defaultOwner,
  driversOf,
  futureDrivers,
  volumeTypes,
  type CreateVolume,
  type Driver,
  type VolumeType,
} from './volume.ts';

/** A create with its defaults resolved: what is recorded, and what a repeat is compared with. */
export type VolumeSpec = Pick<
  VolumeItem,
  | 'name'
  | 'type'
  | 'driver'
  | 'sizeBytes'
  | 'labels'
  | 'options'
  | 'description'
  | 'filesystem'
  | 'owner'
  | 'readOnly'
  | 'encrypted'
  | 'protected'
  | 'availabilityZone'
>;

/**
 * Resolves what a create leaves open, by its type.
 * @throws ProductError NotSupported for types, drivers and filesystems that this release does not have; InvalidInput for
 *   what its type does not take.
 */
export function resolveCreate(body: CreateVolume, region: string): VolumeSpec {
  const { type, driver } = resolveDriver(body);
  const filesystem = resolveFilesystem(body, driver);
  checkOptions(body, driver, filesystem);
  const { name, labels, options, description, readOnly } = body;
  return {
    name,
    type,
    driver,
    sizeBytes: resolveSize(body, driver),
    labels,
    options,
    description,
    filesystem,
    owner: resolveOwner(body, driver),
    readOnly,
    encrypted: resolveEncrypted(body, driver),
    protected: body.protected,
    availabilityZone: resolveZone(body, driver, region),
  };
}

function resolveDriver(body: CreateVolume): { type: VolumeType; driver: Driver } {
  const type = volumeTypes.find((known) => known === body.type);
  if (type === undefined) {
    throw new ProductError('NotSupported', `"${body.type}" is not a volume type of this release.`, {
      value: body.type,
      allowed: volumeTypes.join(', '),
    });
  }
  const [standard, ...others]: readonly Driver[] = driversOf[type];
  const asked = body.driver ?? standard;
  const driver = [standard, ...others].find((known) => known === asked);
  if (driver !== undefined) return { type, driver };
  const later = futureDrivers.some((future) => future === asked);
  throw new ProductError(
    'NotSupported',
    later
      ? `The driver "${asked}" is not supported by this release.`
      : `"${asked}" is not a driver of ${type} volumes.`,
    { value: asked, allowed: `${type}: ${driversOf[type].join(', ')}` },
  );
}

function resolveFilesystem({ filesystem, type }: CreateVolume, driver: Driver): FilesystemType | undefined {
  if (driver !== 'ebs') {
    if (filesystem === undefined) return undefined;
    throw wrongField('filesystem', filesystem, {
      message: `${type} volumes have no filesystem of their own`,
      allowed: 'leave it out',
    });
  }
  const parsed = FilesystemType.safeParse(filesystem ?? 'ext4');
  if (parsed.success) return parsed.data;
  throw new ProductError('NotSupported', `The filesystem "${filesystem}" is not supported by this release.`, {
    value: filesystem,
    allowed: FilesystemType.options.join(', '),
  });
}

function resolveSize({ size, type }: CreateVolume, driver: Driver): number | undefined {
  if (driver === 'bind' && size !== undefined) {
    throw wrongField('size', size, {
      message: `${type} volumes are as large as the disk that the directory is on`,
      allowed: 'leave it out',
    });
  }
  if (driver !== 'ebs') return size;
  const bytes = size ?? defaultSizeBytes;
  if (bytes <= maxEbsBytes) return bytes;
  throw wrongField('size', bytes, {
    message: `larger than ${formatSize(maxEbsBytes)}`,
    allowed: `up to ${formatSize(maxEbsBytes)}; what is not a whole number of GiB (${GiB} bytes) gets the next`,
  });
}

function resolveOwner({ owner, type }: CreateVolume, driver: Driver): Owner {
  if (driver === 'bind' && owner !== undefined) {
    throw wrongField('owner', owner, {
      message: `the directory of a ${type} volume keeps its own owner`,
      allowed: 'leave it out',
    });
  }
  return { ...defaultOwner, ...withoutUndefined(owner ?? {}) };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** EBS as asked (by default under the product's key); the EFS file system always is; the others are not ours to encrypt. */
function resolveEncrypted({ encrypted, type }: CreateVolume, driver: Driver): boolean {
  const ours = driver === 'ebs' || driver === 'efs';
  if (driver === 'efs' && encrypted === false) {
    throw wrongField('encrypted', encrypted, {
      message: 'network volumes are always encrypted',
      allowed: 'true',
    });
  }
  if (!ours && encrypted === true) {
    throw wrongField('encrypted', encrypted, {
      message: `${type} volumes are as their host's ${driver === 'bind' ? 'disk' : 'memory'} is: we do not encrypt them`,
      allowed: 'false, or leave it out',
      hint: 'A volume of type local is encrypted under the key of this deployment.',
    });
  }
  return encrypted ?? ours;
}

function resolveZone(
  { availabilityZone, type }: CreateVolume,
  driver: Driver,
  region: string,
): string | undefined {
  if (availabilityZone === undefined) return undefined;
  if (driver !== 'ebs') {
    throw wrongField('availabilityZone', availabilityZone, {
      message: `${type} volumes are not bound to a zone`,
      allowed: 'leave it out',
    });
  }
  if (availabilityZone.slice(0, -1) === region) return availabilityZone;
  throw wrongField('availabilityZone', availabilityZone, {
    message: 'in another Region than this deployment',
    allowed: `a zone of ${region}`,
  });
}

/** Fields that a repeated create may not change. A zone that the repeat leaves open is any zone. */
const compared = [
  'type',
  'driver',
  'sizeBytes',
  'labels',
  'options',
  'description',
  'filesystem',
  'owner',
  'readOnly',
  'encrypted',
  'protected',
] as const satisfies readonly (keyof VolumeSpec)[];

/** Names of the fields in which a create differs from the volume that has its name; none: it is a repeat. */
export function differences(existing: VolumeItem, spec: VolumeSpec): string[] {
  const fields: string[] = compared.filter((field) => canonical(existing[field]) !== canonical(spec[field]));
  const elsewhere =
    spec.availabilityZone !== undefined && spec.availabilityZone !== existing.availabilityZone;
  return [
    ...fields.map((field) => (field === 'sizeBytes' ? 'size' : field)),
    ...(elsewhere ? ['availabilityZone'] : []),
  ];
}

/** The clear conflict of contract 4. */
export function nameTaken(existing: VolumeItem, fields: readonly string[]): ProductError {
  return new ProductError(
    'NameTaken',
    `"${existing.name}" exists with other parameters: ${fields.join(', ')}.`,
    {
      value: existing.name,
      about: { volumeId: existing.id, fields: fields.join(',') },
      hint: 'Choose another name, or create it with the same parameters to get the same volume.',
    },
  );
}

/** A text that is equal for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The zone a new EBS volume is made in: the one asked for, or the only one that hosts are in; else it stays unplaced. */
export function placement(spec: VolumeSpec, hostZones: Iterable<string>): string | undefined {
  if (spec.driver !== 'ebs') return undefined;
  if (spec.availabilityZone !== undefined) return spec.availabilityZone;
  const [only, ...others] = new Set(hostZones);
  return others.length === 0 ? only : undefined;
}
