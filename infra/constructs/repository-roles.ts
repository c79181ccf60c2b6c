import { Duration, Lazy } from 'aws-cdk-lib';
import { ArnPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { grant, type Permission } from '../permissions/permission.ts';
import { pruneRepositories, useRepositories } from '../permissions/repositories.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';

export interface RepositoryRolesProps {
  readonly storage: StorageStack;
  /** The one role that may assume them, which is made later. */
  readonly granter: () => string;
}

/**
 * What hosts get for a task on a restic repository is a session of one of these, narrowed to that repository. Neither host
 * nor person can assume them.
 */
export class RepositoryRoles extends Construct {
  /** Reads and writes, and removes nothing but locks. */
  readonly host: Role;
  /** Removes as well: for forget and prune. */
  readonly keeper: Role;

  constructor(scope: Construct, id: string, { storage, granter }: RepositoryRolesProps) {
    super(scope, id);
    const assumedBy = new ArnPrincipal(Lazy.string({ produce: granter }));
    const make = (name: string, description: string, permissions: readonly Permission[]): Role => {
      const role = new Role(this, name, { assumedBy, description, maxSessionDuration: Duration.hours(1) });
      grant(role, permissions);
      return role;
    };
    const use = useRepositories(storage);
    this.host = make('Host', 'Hivemind Volumes: backups as files', use);
    this.keeper = make('Keeper', 'Hivemind Volumes: removal of backups as files', [
      ...use,
      pruneRepositories(storage),
    ]);
  }

  get arns(): readonly string[] {
    return [this.host.roleArn, this.keeper.roleArn];
  }
}
