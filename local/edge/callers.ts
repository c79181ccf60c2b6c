import { isFailure, type Identity } from './identity.ts';
import type { Claim } from './sigv4/credential.ts';

/** Who made a call that the emulator itself verifies; for the record alone, so it is looked up beside the call. */
export class Callers {
  readonly #identity: Identity;
  readonly #known = new Map<string, string>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  async arnOf({ accessKeyId, sessionToken }: Claim): Promise<string | null> {
    const known = this.#known.get(accessKeyId);
    if (known !== undefined) return known;
    const found = await this.#identity.resolve(accessKeyId, sessionToken).catch(() => undefined);
    if (found === undefined || isFailure(found)) return null;
    if (this.#known.size > 10_000) this.#known.clear();
    this.#known.set(accessKeyId, found.principalArn);
    return found.principalArn;
  }
}
