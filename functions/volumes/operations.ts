import type * as z from 'zod';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { Operation } from '#shared/model/operation.ts';
import { viewOperation } from '#shared/model/rules-view.ts';
import type { routes } from '#shared/model/routes.ts';
import { collectPage, type Page } from './collect-page.ts';
import { defaultPageSize } from './list-volumes.ts';
import type { Ports } from './ports.ts';

type Query = z.output<(typeof routes)['listOperations']['query']>;

/** One page of a namespace's operations, newest first. */
export async function listOperations(
  ports: Ports,
  namespace: string,
  query: Query,
): Promise<Page<Operation>> {
  const { table } = ports;
  return collectPage({
    pk: partitions.operations(namespace),
    reverse: true,
    limit: query.limit ?? defaultPageSize,
    cursor: query.cursor,
    list: (asked) => table.list('operationIndex', asked),
    sortKey: ({ createdAt, operationId }) => `${createdAt}#${operationId}`,
    show: async (rows) => {
      const wanted = rows.map(({ operationId }) => keys.operation(operationId));
      const found = await table.readMany('operation', wanted);
      const shown = new Map(found.map((operation) => [operation.id, viewOperation(operation)]));
      return rows.map(({ operationId }) => {
        const operation = shown.get(operationId);
        return operation !== undefined && matches(operation, query) ? operation : undefined;
      });
    },
  });
}

function matches(operation: Operation, { volume, status }: Query): boolean {
  return (
    (volume === undefined || operation.volume === volume) &&
    (status === undefined || operation.status === status)
  );
}

/** @throws ProductError OperationNotFound */
export async function getOperation(ports: Ports, namespace: string, id: string): Promise<Operation> {
  const operation = await ports.table.readOperation(id);
  if (operation !== undefined && operation.namespace === namespace) return viewOperation(operation);
  throw new ProductError('OperationNotFound', `There is no operation "${id}" in namespace "${namespace}".`, {
    value: id,
    hint: 'Finished operations are kept for 90 days.',
  });
}
