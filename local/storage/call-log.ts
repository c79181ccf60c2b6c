/** One wire call, as `GET /calls` shows it. */
export interface CallRecord {
  readonly seq: number;
  readonly time: string;
  readonly service: string;
  readonly region: string;
  readonly principal: string | undefined;
  readonly appId: string | undefined;
  readonly action: string;
  /** Ids that the parameters name. */
  readonly ids: readonly string[];
  readonly clientToken: string | undefined;
  /** HTTP status; 0 when the connection was reset instead. */
  readonly status: number;
  readonly errorCode: string | undefined;
  /** Ids of the faults that struck. */
  readonly faults: readonly string[];
}

const most = 50_000;

/** The latest calls, in memory. */
export class CallLog {
  #records: CallRecord[] = [];
  #seq = 0;

  add(record: Omit<CallRecord, 'seq' | 'time'>): void {
    this.#records.push({ seq: ++this.#seq, time: new Date().toISOString(), ...record });
    if (this.#records.length > most) this.#records = this.#records.slice(-most / 2);
  }

  since(seq: number): readonly CallRecord[] {
    return this.#records.filter((record) => record.seq > seq);
  }

  clear(): void {
    this.#records = [];
  }
}

const idPattern = /^(vol|snap|i|fs|fsap|fsmt)-[0-9a-f]{8,17}$/;

/** Every resource id in a call's input, at any depth. */
export function idsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return idPattern.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(idsIn);
}
