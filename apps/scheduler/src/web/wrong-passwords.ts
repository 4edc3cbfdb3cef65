/** Wrong passwords without a wait: people mistype. */
const FREE = 5;
const LONGEST_WAIT_MS = 30_000;
const FORGOTTEN_AFTER_MS = 10 * 60_000;
/** Networks that are remembered, so that memory is bounded. Having more gains a guesser little. */
const MOST_NETWORKS = 1000;

type Attempts = { readonly count: number; readonly notBeforeMs: number };

/**
 * How long networks are suspected after wrong passwords: at first not at all, then twice as long each time. Right ones change
 * nothing: a person who knows the password, at the same address, would give each guesser new tries.
 */
export class WrongPasswords {
  readonly #known = new Map<string, Attempts>();

  /** Milliseconds for which the network is still suspected; 0: it is not. */
  waitMs(network: string, nowMs: number): number {
    const known = this.#known.get(network);
    return known === undefined ? 0 : Math.max(0, known.notBeforeMs - nowMs);
  }

  /** Counts a wrong password from a network that is not suspected. */
  tries(network: string, nowMs: number): void {
    const known = this.#known.get(network);
    const isRecent = known !== undefined && nowMs - known.notBeforeMs < FORGOTTEN_AFTER_MS;
    const count = (isRecent ? known.count : 0) + 1;
    const waitMs = count < FREE ? 0 : Math.min(1000 * 2 ** (count - FREE), LONGEST_WAIT_MS);
    // The network that tried last goes to the end of the map.
    this.#known.delete(network);
    this.#known.set(network, { count, notBeforeMs: nowMs + waitMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_NETWORKS && oldest !== undefined) this.#known.delete(oldest);
  }

  get size(): number {
    return this.#known.size;
  }
}
