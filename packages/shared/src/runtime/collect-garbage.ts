import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

const gc = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

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
