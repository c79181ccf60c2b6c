/** What was given to the deployment cannot be deployed; the text says what is wrong and what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}
