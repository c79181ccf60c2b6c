import { AwsError } from '../errors.ts';

/** EFS's errors that more than one operation has. */
export const efsErrors = {
  badRequest: (message: string) => new AwsError('BadRequest', message),
  fileSystemNotFound: (id: string) =>
    new AwsError('FileSystemNotFound', `File system '${id}' does not exist.`, { status: 404 }),
  accessPointNotFound: (id: string) =>
    new AwsError('AccessPointNotFound', `Access Point ${id} does not exist.`, { status: 404 }),
  mountTargetNotFound: (id: string) =>
    new AwsError('MountTargetNotFound', `Mount target '${id}' does not exist.`, { status: 404 }),
};
