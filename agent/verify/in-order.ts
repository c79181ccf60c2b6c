/**
 * Does something with each item, at most `limit` of them at once; results come in the order of the items, and no item is
 * taken before there is room for it. Who stops early, or sees one fail, waits until nothing is under way any more.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const one = work(item);
      // Told when its turn comes.
      one.catch(() => undefined);
      begun.push(one);
      if (begun.length < limit) continue;
      const first = begun.shift();
      if (first !== undefined) yield await first;
    }
    for (let one = begun.shift(); one !== undefined; one = begun.shift()) yield await one;
  } finally {
    await Promise.allSettled(begun);
  }
}
