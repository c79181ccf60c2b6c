import type { Condition } from './store.ts';

interface Expression {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues?: Record<string, unknown>;
}

/** Renders a condition in DynamoDB's notation; nothing for no condition. */
export function renderCondition(condition: Condition | undefined): Partial<Expression> {
  if (condition === undefined) return {};
  switch (condition.kind) {
    case 'absent':
      return {
        ConditionExpression: 'attribute_not_exists(#pk)',
        ExpressionAttributeNames: { '#pk': 'pk' },
      };
    case 'absentOrBefore':
      return {
        ConditionExpression: 'attribute_not_exists(#pk) OR #at < :at',
        ExpressionAttributeNames: { '#pk': 'pk', '#at': condition.attribute },
        ExpressionAttributeValues: { ':at': condition.time },
      };
    case 'equals':
      return renderEquals(Object.entries(condition.values));
  }
}

function renderEquals(values: readonly (readonly [string, unknown])[]): Expression {
  const present = values.filter(([, value]) => value !== undefined);
  const position = new Map(present.map(([name], index) => [name, index]));
  const clauses = values.map(([name, value], index) =>
    value === undefined ? `attribute_not_exists(#a${index})` : `#a${index} = :v${position.get(name) ?? 0}`,
  );
  return {
    ConditionExpression: ['attribute_exists(#pk)', ...clauses].join(' AND '),
    ExpressionAttributeNames: {
      '#pk': 'pk',
      ...Object.fromEntries(values.map(([name], index) => [`#a${index}`, name])),
    },
    ...(present.length === 0
      ? {}
      : {
          ExpressionAttributeValues: Object.fromEntries(
            present.map(([, value], index) => [`:v${index}`, value]),
          ),
        }),
  };
}
