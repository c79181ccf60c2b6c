import process from 'node:process';
import { confirm as ask } from '@clack/prompts';

/** Asks on stderr; Ctrl-C is a no. */
export async function confirm(question: string): Promise<boolean> {
  return (await ask({ message: question, initialValue: false, output: process.stderr })) === true;
}
