import type { Driver, FilesystemRecord, Volume, VolumeType } from '#shared/model/volume.ts';

/** A volume as the fake control plane keeps it. */
export interface FakeVolume {
  readonly id: string;
  readonly name: string;
  readonly type: VolumeType;
  readonly driver: Driver;
  readonly sizeBytes: number;
  readonly serial: string;
  readonly readOnly: boolean;
  readonly options: Record<string, string>;
  readonly owner: Volume['owner'];
  readonly createdAt: string;
  epoch: number;
  filesystem: FilesystemRecord;
  hosts: Map<
    string,
    {
      desired: 'attached' | 'detached';
      actual: 'attaching' | 'attached';
      inUse: boolean;
      use?: string | undefined;
    }
  >;
}

/** As the API shows it. */
export function show(volume: FakeVolume): Volume {
  const { id, name, type, driver, sizeBytes, options, owner, readOnly, filesystem, createdAt } = volume;
  return {
    id,
    name,
    type,
    driver,
    sizeBytes,
    options,
    owner,
    readOnly,
    createdAt,
    namespace: 'default',
    state: volume.hosts.size > 0 && driver === 'ebs' ? 'attached' : 'available',
    labels: {},
    description: '',
    format: filesystem.state,
    encrypted: true,
    protected: false,
    hosts: [...volume.hosts.keys()],
    revision: 1,
    updatedAt: createdAt,
    createdBy: 'arn:aws:iam::000000000000:user/test',
  };
}
