import type { RepositoryKeeper } from '#shared/aws/archive/repository-keeper.ts';
import type { GrantWish, Repositories, RepositoryAccess } from '#shared/aws/archive/repositories.ts';
import { Killed } from './killed.ts';
import { repositoryName, type RepositoryRef } from '#shared/model/repository.ts';

type RepositoryFault = 'crash-before' | 'crash-after';

/**
 * Repositories without restic: grants are counted, passwords kept, and a prefix holds so many objects as a test says.
 * `empty` removes ten of them at a time.
 */
export class FakeRepositories implements Repositories, RepositoryKeeper {
  readonly granted: GrantWish[] = [];
  /** By name of the repository. */
  readonly passwords = new Map<string, string>();
  /** By prefix. */
  readonly objects = new Map<string, number>();
  readonly #clock: () => Date;
  readonly #fault: () => RepositoryFault | undefined;

  constructor(clock: () => Date, fault: () => RepositoryFault | undefined = () => undefined) {
    this.#clock = clock;
    this.#fault = fault;
  }

  grant(wish: GrantWish): Promise<RepositoryAccess> {
    this.granted.push(wish);
    const expiresAt = new Date(this.#clock().getTime() + 3_600_000).toISOString();
    return Promise.resolve({
      url: `s3:https://s3.invalid/archive/${wish.repository.prefix}`,
      region: 'us-east-1',
      credentials: { accessKeyId: `key ${this.granted.length}`, secretAccessKey: 'secret', expiresAt },
    });
  }

  async password(repository: RepositoryRef): Promise<string> {
    return this.passwords.get(repositoryName(repository)) ?? this.renewPassword(repository);
  }

  renewPassword(repository: RepositoryRef): Promise<string> {
    const password = `password ${this.passwords.size + 1}.${crypto.randomUUID()}`;
    this.passwords.set(repositoryName(repository), password);
    return Promise.resolve(password);
  }

  async empty(prefix: string): Promise<boolean> {
    const left = Math.max(0, (this.objects.get(prefix) ?? 0) - 10);
    await this.#effect(() => this.objects.set(prefix, left));
    return left > 0;
  }

  removePassword(repository: RepositoryRef): Promise<void> {
    return this.#effect(() => this.passwords.delete(repositoryName(repository)));
  }

  /** What the worker does to it: killed before or after. */
  async #effect(perform: () => unknown): Promise<void> {
    const side = this.#fault();
    if (side === 'crash-before') throw new Killed('before a removal');
    perform();
    if (side === 'crash-after') throw new Killed('after a removal');
  }
}
