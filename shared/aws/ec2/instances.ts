/** Machines, as EC2 knows them. */
export interface Instances {
  /** Instances by id; those that EC2 does not know are left out. */
  find(ids: readonly string[]): Promise<Instance[]>;
  /**
   * How many of our volumes can be attached to it: the type's limit (DescribeInstanceTypes, EbsInfo.MaximumEbsAttachments) less
   * the root volume, and less the network interfaces where the type counts them (AttachmentLimitType `shared`).
   */
  slots(instance: Instance): Promise<number>;
}

export interface Instance {
  readonly id: string;
  /** pending, running, shutting-down, terminated, stopping or stopped. */
  readonly state: string;
  readonly availabilityZone: string;
  readonly instanceType: string;
  readonly networkInterfaces: number;
  readonly tags: Readonly<Record<string, string>>;
}
