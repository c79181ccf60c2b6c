import type { StartWatchdog, Thaw } from '#agent/freeze/watchdog.ts';
import type { ProductError } from '#shared/model/errors.ts';

/**
 * A watchdog over a filesystem in memory. It thaws when told to; `end` ends it as the deadline, another's thaw or its own death
 * would, `endUnnoticed` so that only the next thaw tells; `refuse` makes freezes fail, after which nothing is frozen.
 */
export function fakeWatchdog() {
  const deadlines: number[] = [];
  const frozenMs = 12.5;
  let isFrozen = false;
  let marks = 'marked';
  const marked: string[] = [];
  let refusal: ProductError | undefined;
  let isOver = true;
  let ending: Thaw | undefined;
  let end: (thaw: Thaw) => void = () => undefined;
  const start: StartWatchdog = ({ deadlineMs }) => {
    deadlines.push(deadlineMs);
    ending = undefined;
    isOver = false;
    const ended = new Promise<Thaw>((resolve) => {
      end = (thaw) => {
        if (thaw.by !== 'killed') isFrozen = false;
        isOver = true;
        resolve(thaw);
      };
    });
    return Promise.resolve({
      ended,
      mark: (value) => {
        marked.push(value);
        return Promise.resolve(marks);
      },
      freeze: () => {
        if (refusal !== undefined) {
          end({ by: 'never' });
          return Promise.reject(refusal);
        }
        isFrozen = true;
        return Promise.resolve();
      },
      thaw: () => {
        end(ending ?? { by: 'agent', frozenMs });
        return ended;
      },
    });
  };
  return {
    start,
    deadlines,
    frozenMs,
    marked,
    /** What the next marks are answered with. */
    answerMarks: (answer: string) => void (marks = answer),
    isFrozen: () => isFrozen,
    isOver: () => isOver,
    end: (thaw: Thaw) => end(thaw),
    endUnnoticed: (thaw: Thaw) => void (ending = thaw),
    refuse: (error: ProductError) => void (refusal = error),
  };
}
