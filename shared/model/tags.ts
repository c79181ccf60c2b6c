/** Tags on everything the product makes in EC2 and EFS. IAM conditions and the local cloud's rebuild read them. */
export const tagKeys = {
  /** On everything: value `hivemind-volumes`. */
  product: 'hivemind:product',
  /** Our volume id, for ever. */
  volumeId: 'hivemind:volume-id',
  namespace: 'hivemind:namespace',
  name: 'hivemind:name',
  /** Attempt number of the create that made it. */
  attempt: 'hivemind:attempt',
  /** On a snapshot: the operation that made it. */
  operation: 'hivemind:operation',
  /** On a snapshot: the backup that it is. */
  backup: 'hivemind:backup',
  /** On a snapshot that a host called for: which freeze it was made in. */
  cut: 'hivemind:cut',
  /** On instances: the namespace the host serves (default `default`). */
  hostNamespace: 'hivemind:host-namespace',
} as const;
export const productTagValue = 'hivemind-volumes';
