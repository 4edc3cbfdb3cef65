import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/**
 * Frees what nobody refers to any more, at once; some 10 ms. For moments at which megabytes have just become garbage: V8
 * counts what lies outside of its own heap only roughly.
 */
export const collectGarbage = runInNewContext('gc') as () => void;
