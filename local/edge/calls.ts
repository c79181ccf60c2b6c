/** One call that went through the edge, as tests read it back. */
export interface CallRecord {
  readonly seq: number;
  /** ISO time at which it came. */
  readonly at: string;
  readonly service: string;
  readonly action: string;
  readonly region: string;
  /** The function that made it, as it names itself (AWS_SDK_UA_APP_ID); null for other callers. */
  readonly functionName: string | null;
  readonly principalArn: string | null;
  /** HTTP status of the answer, also of one that a fault kept from the caller; null when there was none. */
  readonly status: number | null;
  /** Kind of the fault that was injected into it; null for none. */
  readonly fault: string | null;
}

/** A call as it is noted: who made it may still be being looked up. */
export interface NotedCall extends Omit<CallRecord, 'seq' | 'principalArn'> {
  readonly principalArn: string | null | Promise<string | null>;
}

const kept = 20_000;

/** The last calls, oldest first. Sequence numbers grow for as long as the edge runs, also over a clear. */
export class CallLog {
  #calls: (NotedCall & { readonly seq: number })[] = [];
  #next = 1;

  /** To be called before the answer goes out, so that whoever has an answer finds its call here. */
  note(call: NotedCall): void {
    this.#calls.push({ seq: this.#next++, ...call });
    if (this.#calls.length > kept * 1.1) this.#calls = this.#calls.slice(-kept);
  }

  async since(seq: number): Promise<readonly CallRecord[]> {
    const records: CallRecord[] = [];
    for (const call of this.#calls.filter((candidate) => candidate.seq > seq)) {
      records.push({ ...call, principalArn: await call.principalArn });
    }
    return records;
  }

  clear(): void {
    this.#calls = [];
  }
}

/**
 * The name that an SDK client gives itself: `app/NAME` in its User-Agent. Characters that may not stand there are `-`.
 * Powertools appends its own marks (`/PT/NO-OP/2.35.0/PTEnv/NA`) to AWS_SDK_UA_APP_ID; they are no part of the name.
 */
export function appIdOf(userAgent: string | undefined): string | null {
  const name = /(?:^|\s)app\/(\S+)/.exec(userAgent ?? '')?.[1];
  return name?.replace(/[-/]PT[-/].*$/, '') ?? null;
}
