// House rules that no published plugin has. Each is one selector and the sentence that tells what to do instead.
const rule = (selector, message) => ({
  create: (context) => ({
    [selector](node) {
      context.report({ node, message });
    },
  }),
});

export default {
  meta: { name: 'hivemind' },
  rules: {
    'no-default-error': rule(
      "ThrowStatement > NewExpression[callee.name='Error']",
      'Throw a ProductError (shared/model/errors.ts) or an error of the area: callers map by code.',
    ),
    'no-unbounded-all': rule(
      "CallExpression[callee.object.name='Promise'][callee.property.name=/^all/] > CallExpression[callee.property.name='map']",
      'Use mapLimit() (shared/model/map-limit.ts): an unbounded fan-out throttles itself.',
    ),
  },
};
