import { repositoryName, type RepositoryRef } from '#shared/model/repository.ts';

/** What the password of a repository is called in Secrets Manager. */
export function passwordSecret(repository: RepositoryRef): string {
  return `hivemind/${repositoryName(repository)}`;
}
