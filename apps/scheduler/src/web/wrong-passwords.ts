/** Somebody who mistypes is not kept waiting. */
const FREE = 5;
const LONGEST_WAIT_MS = 30_000;
const FORGOTTEN_AFTER_MS = 10 * 60_000;
/** Networks that are remembered: more gain a guesser little, and memory stays as it is. */
const MOST_NETWORKS = 1000;

type Attempts = { readonly count: number; readonly notBeforeMs: number };

/**
 * How long a network is suspected after wrong passwords: not at all at first, then twice as long each time. Right ones do
 * not count: somebody who knows it, at the same address, would give each guesser new tries.
 */
export class WrongPasswords {
  readonly #known = new Map<string, Attempts>();

  /** Milliseconds for which the network is still suspected; 0: it is not. */
  waitMs(network: string, nowMs: number): number {
    const known = this.#known.get(network);
    return known === undefined ? 0 : Math.max(0, known.notBeforeMs - nowMs);
  }

  /** To be called for each wrong password from a network that is not suspected. */
  tries(network: string, nowMs: number): void {
    const known = this.#known.get(network);
    const isRecent = known !== undefined && nowMs - known.notBeforeMs < FORGOTTEN_AFTER_MS;
    const count = (isRecent ? known.count : 0) + 1;
    const waitMs = count < FREE ? 0 : Math.min(1000 * 2 ** (count - FREE), LONGEST_WAIT_MS);
    // Last in the map is who tried last.
    this.#known.delete(network);
    this.#known.set(network, { count, notBeforeMs: nowMs + waitMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_NETWORKS && oldest !== undefined) this.#known.delete(oldest);
  }

  get size(): number {
    return this.#known.size;
  }
}
