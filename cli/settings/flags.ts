/** The flags that every command takes. */
export interface ConnectionFlags {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface OutputFlags {
  readonly json?: true | undefined;
  readonly format?: 'json' | 'table' | undefined;
}

export type GlobalFlags = ConnectionFlags & OutputFlags;
