import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

const gc = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

/**
 * Frees what nobody refers to any more, at once; some 10 ms. For moments at which megabytes have just become garbage: V8
 * counts what lies outside of its own heap only roughly.
 */
export function collectGarbage(): void {
  gc();
}

/** Frees of that only what was made a moment ago, which takes a fraction of the time. */
export function collectYoungGarbage(): void {
  gc({ type: 'minor' });
}
