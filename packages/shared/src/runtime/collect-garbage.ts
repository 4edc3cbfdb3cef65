import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

type Collect = (options?: { readonly type: 'minor' | 'major'; readonly flavor?: 'last-resort' }) => void;
const gc = runInNewContext('gc') as Collect;

/**
 * Frees all garbage at once, in some 10 ms. V8 counts buffers outside of its own heap only roughly, so call it when megabytes of
 * them have just become garbage.
 */
export function collectGarbage(): void {
  gc();
}

/** Frees only what was made a moment ago, in a fraction of the time. */
export function collectYoungGarbage(): void {
  gc({ type: 'minor' });
}

/** Frees all garbage, and compiled code that is not running, and gives its room back at once, in some 80 ms. */
export function collectEverything(): void {
  gc({ type: 'major', flavor: 'last-resort' });
}
