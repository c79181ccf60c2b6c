import { ForksPoolWorker } from 'vitest/node';

type PoolOptions = ConstructorParameters<typeof ForksPoolWorker>[0];

/** A process for tests, in a mount namespace of its own. */
class OwnMountsWorker extends ForksPoolWorker {
  override readonly name = 'forks-with-own-mounts';

  constructor(options: PoolOptions) {
    super(options);
    this.execArgv = ['--mount', '--propagation', 'private', '--', process.execPath, ...options.execArgv];
  }

  override start(): Promise<void> {
    const { execPath } = process;
    // The program that child_process.fork() starts, which vitest has no option for; it does so before it first waits.
    process.execPath = 'unshare';
    try {
      return super.start();
    } finally {
      process.execPath = execPath;
    }
  }
}

/**
 * Test files that run at the same time do not see each other's mounts. Else each process of the one that has a mount
 * namespace of its own (a container, tar, a host) would hold copies of what the other had mounted at its start, and keep
 * the devices busy for as long as it lives. vitest itself mounts nothing, so nothing is inherited from it. Needs root.
 */
export const ownMounts = {
  name: 'forks-with-own-mounts',
  createPoolWorker: (options: PoolOptions) => new OwnMountsWorker(options),
};
