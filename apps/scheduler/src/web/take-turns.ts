/** Tries of one network that may wait. More connections gain no more tries. */
const MOST_WAITING = 100;

/** The result of a turn, and a rest that the next turn waits for. */
export type Turn<T> = { readonly answer: T; readonly rest?: Promise<unknown> };

/** Takes a turn in the line of a network. @returns `undefined`, without a turn, if too many wait already */
export type TakeTurn = <T>(network: string, turn: () => Promise<Turn<T>>) => Promise<T | undefined>;

/** One line for each network: first come, first served, one at a time. */
export function takeTurns(): TakeTurn {
  const lines = new Map<string, { waiting: number; last: Promise<unknown> }>();
  return async (network, turn) => {
    const line = lines.get(network) ?? { waiting: 0, last: Promise.resolve() };
    if (line.waiting >= MOST_WAITING) return undefined;
    line.waiting += 1;
    lines.set(network, line);
    const taken = line.last.then(turn);
    line.last = taken
      .then(({ rest }) => rest)
      .catch(() => undefined)
      .finally(() => {
        line.waiting -= 1;
        if (line.waiting === 0) lines.delete(network);
      });
    return (await taken).answer;
  };
}
