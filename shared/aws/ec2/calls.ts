import type { Tags } from './block-storage.ts';
import { awsCode, translateAwsError } from './errors.ts';

export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** @throws ProductError of what AWS refused, or of an answer that never came */
export async function doing<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translateAwsError(error, what);
  }
}

/** The AWS code, when it is one that the caller takes for an answer. */
export async function unlessCode(
  answers: readonly string[],
  what: string,
  call: () => Promise<unknown>,
): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    const code = awsCode(error);
    if (code !== undefined && answers.includes(code)) return code;
    throw translateAwsError(error, what);
  }
}
