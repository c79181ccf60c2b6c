import { hash, randomBytes } from 'node:crypto';

/** What stands at a path. `implied`: a directory that only its content has named so far. */
export const kindsAt = ['directory', 'implied', 'file', 'symlink'] as const;
export type KindAt = (typeof kindsAt)[number];

const emptySlot = 0n;

/**
 * Kinds by path for tens of millions of paths in 9 to 18 bytes each, where a Map of strings would take more memory than a
 * small host has. Paths are known by 64 bits of a salted SHA-256: nobody can aim at a collision, and by chance ten million
 * paths collide once in 400,000 archives; then the archive is refused, never unpacked wrongly.
 */
export class PathIndex {
  readonly #salt = randomBytes(16).toString('latin1');
  #keys = new BigUint64Array(1024);
  #kinds = new Uint8Array(1024);
  #count = 0;

  get(path: string): KindAt | undefined {
    const slot = this.#slot(this.#key(path));
    return this.#keys[slot] === emptySlot ? undefined : kindsAt[this.#kinds[slot] ?? 0];
  }

  set(path: string, kind: KindAt): void {
    if (this.#count * 2 >= this.#keys.length) this.#grow();
    this.#put(this.#key(path), kindsAt.indexOf(kind));
  }

  #key(path: string): bigint {
    const digest = hash('sha256', Buffer.from(this.#salt + path, 'latin1'), 'buffer');
    const key = digest.readBigUInt64LE(0);
    return key === emptySlot ? 1n : key;
  }

  /** Where a key stands, or the empty slot where it would. */
  #slot(key: bigint): number {
    const mask = this.#keys.length - 1;
    let slot = Number(key & BigInt(mask));
    while (this.#keys[slot] !== emptySlot && this.#keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #put(key: bigint, kind: number): void {
    const slot = this.#slot(key);
    if (this.#keys[slot] === emptySlot) this.#count++;
    this.#keys[slot] = key;
    this.#kinds[slot] = kind;
  }

  #grow(): void {
    const [keys, kinds] = [this.#keys, this.#kinds];
    this.#keys = new BigUint64Array(keys.length * 2);
    this.#kinds = new Uint8Array(keys.length * 2);
    this.#count = 0;
    for (const [slot, key] of keys.entries()) if (key !== emptySlot) this.#put(key, kinds[slot] ?? 0);
  }
}
