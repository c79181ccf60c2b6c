import { AwsError } from '../errors.ts';

/** AWS Backup's errors that more than one operation has. */
export const backupErrors = {
  notFound: (what: string) => new AwsError('ResourceNotFoundException', `${what} cannot be found.`),
  invalid: (message: string) => new AwsError('InvalidParameterValueException', message),
  refused: (message: string) => new AwsError('InvalidRequestException', message),
};
