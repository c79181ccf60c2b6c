import { randomUUID } from 'node:crypto';
import type { Log } from './log.ts';
import type { PendingEvent } from './state/entities.ts';
import type { Store } from './state/store.ts';
import type { Work } from './work.ts';

type Fresh = Omit<PendingEvent, 'time' | 'source'> & { readonly source?: string };

/** Events that AWS would emit, kept until EventBridge has taken them: at least once, in no promised order. */
export class Events {
  readonly #store: Store;
  readonly #work: Work;
  readonly #log: Log;
  readonly #endpoint: string | undefined;

  constructor(parts: { store: Store; work: Work; log: Log; endpoint: string | undefined }) {
    this.#store = parts.store;
    this.#work = parts.work;
    this.#log = parts.log;
    this.#endpoint = parts.endpoint;
  }

  emit(event: Fresh): void {
    if (this.#endpoint === undefined) return;
    const id = randomUUID();
    this.#store.put('events', id, { source: 'aws.ec2', time: new Date().toISOString(), ...event });
    this.#deliver(id, 0);
  }

  /** Delivers what an earlier run left. */
  resume(): void {
    for (const id of this.#store.ids('events')) this.#deliver(id, 0);
  }

  #deliver(id: string, attempt: number): void {
    this.#work.later(`event/${id}`, attempt === 0 ? 0 : Math.min(30_000, 500 * 2 ** attempt), async () => {
      const event = this.#store.get('events', id);
      if (!event) return;
      if (await this.#put(event)) {
        this.#store.delete('events', id);
        await this.#store.commit();
      } else if (attempt < 12) this.#deliver(id, attempt + 1);
      else this.#store.delete('events', id);
    });
  }

  async #put(event: PendingEvent): Promise<boolean> {
    const entry = {
      Source: event.source,
      DetailType: event.detailType,
      Detail: JSON.stringify(event.detail),
      Resources: event.resources,
      Time: Date.parse(event.time) / 1000,
    };
    const day = event.time.slice(0, 10).replaceAll('-', '');
    try {
      const answer = await fetch(this.#endpoint ?? '', {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AWSEvents.PutEvents',
          // The emulator takes the deployment's key without a signature; no other key is known here.
          authorization: `AWS4-HMAC-SHA256 Credential=test/${day}/${event.region}/events/aws4_request, SignedHeaders=host, Signature=0`,
        },
        body: JSON.stringify({ Entries: [entry] }),
        signal: AbortSignal.timeout(5000),
      });
      const said = await answer.text();
      if (answer.ok && taken(said)) return true;
      this.#log.error('EventBridge did not take an event', {
        status: answer.status,
        said: said.slice(0, 500),
      });
      return false;
    } catch (error) {
      this.#log.error('EventBridge did not take an event', { error: String(error) });
      return false;
    }
  }
}

/** PutEvents answers 200 also for entries that it has refused. */
function taken(answer: string): boolean {
  return (JSON.parse(answer) as { FailedEntryCount?: number }).FailedEntryCount === 0;
}
