import type { Log } from '#shared/runtime/telemetry.ts';

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
}

/** SQS's answer for a batch: only these messages come again. Source: Lambda developer guide, ReportBatchItemFailures. */
export interface BatchAnswer {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

/** Works through a batch one by one; a record that fails is the only one that is delivered again. */
export async function eachRecord(
  records: readonly SqsRecord[],
  log: Log,
  work: (body: string) => Promise<void>,
): Promise<BatchAnswer> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { messageId, body } of records) {
    try {
      await work(body);
    } catch (error) {
      log.error('record failed', { messageId, error });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
