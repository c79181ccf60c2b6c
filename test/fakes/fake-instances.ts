import type { Instance, Instances } from '#shared/aws/ec2/instances.ts';
import { tagKeys } from '#shared/model/tags.ts';

/** EC2 instances in memory: each is what `set` last said; one that was never set is unknown. */
export class FakeInstances implements Instances {
  readonly #instances = new Map<string, Instance>();

  set(id: string, parts: Partial<Instance> = {}): void {
    const was = this.#instances.get(id);
    this.#instances.set(id, {
      id,
      state: 'running',
      availabilityZone: 'us-east-1a',
      instanceType: 'm7g.large',
      networkInterfaces: 1,
      tags: { [tagKeys.hostNamespace]: 'default' },
      ...was,
      ...parts,
    });
  }

  forget(id: string): void {
    this.#instances.delete(id);
  }

  find(ids: readonly string[]): Promise<Instance[]> {
    return Promise.resolve(ids.flatMap((id) => this.#instances.get(id) ?? []));
  }

  slots(): Promise<number> {
    return Promise.resolve(26);
  }
}
