import { AwsError } from '../errors.ts';

/** AWS Backup's errors that more than one operation has. */
export const backupErrors = {
  notFound: (what: string) => new AwsError('ResourceNotFoundException', `${what} cannot be found.`),
  invalid: (message: string) => new AwsError('InvalidParameterValueException', message),
  refused: (message: string) => new AwsError('InvalidRequestException', message),
};

/** The role that a job works under, if it is one by its ARN. */
export function checkRole(arn = ''): string {
  if (/^arn:aws[-a-z]*:iam::\d{12}:role\/.+/.test(arn)) return arn;
  throw backupErrors.invalid(`Invalid IamRoleArn ${arn}`);
}
