/** Somebody who mistypes is not kept waiting. */
const FREE = 5;
const LONGEST_WAIT_MS = 30_000;
const FORGOTTEN_AFTER_MS = 10 * 60_000;
/** Whoever has more addresses than that gains little, and memory stays as it is. */
const MOST_ADDRESSES = 1000;

type Attempts = { readonly count: number; readonly notBeforeMs: number };

/**
 * How long an address must wait after wrong passwords: not at all at first, then twice as long each time. The right one is
 * never kept waiting: others at the same address must not lock out whoever knows it.
 */
export class WrongPasswords {
  readonly #known = new Map<string, Attempts>();

  /** Milliseconds until the address may try; 0: now. */
  waitMs(address: string, nowMs: number): number {
    const known = this.#known.get(networkOf(address));
    return known === undefined ? 0 : Math.max(0, known.notBeforeMs - nowMs);
  }

  /** To be called for each wrong password that is answered. */
  tries(address: string, nowMs: number): void {
    const network = networkOf(address);
    const known = this.#known.get(network);
    const isRecent = known !== undefined && nowMs - known.notBeforeMs < FORGOTTEN_AFTER_MS;
    const count = (isRecent ? known.count : 0) + 1;
    const waitMs = count < FREE ? 0 : Math.min(1000 * 2 ** (count - FREE), LONGEST_WAIT_MS);
    // Last in the map is who tried last.
    this.#known.delete(network);
    this.#known.set(network, { count, notBeforeMs: nowMs + waitMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_ADDRESSES && oldest !== undefined) this.#known.delete(oldest);
  }

  succeeds(address: string): void {
    this.#known.delete(networkOf(address));
  }

  get size(): number {
    return this.#known.size;
  }
}

/** A host has 64 bits of IPv6 addresses to itself. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail === undefined) return groups.slice(0, 4).join(':');
  const rest = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - groups.length - rest.length }, () => '0');
  return [...groups, ...zeros, ...rest].slice(0, 4).join(':');
}
