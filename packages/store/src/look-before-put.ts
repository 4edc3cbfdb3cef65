import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { HiddenError } from './hidden-error.ts';
import type { Store, StoredObject } from './store.ts';

/**
 * Looks under a key before a put with `create`, which by itself refuses to put over an object. So a hidden object counts as
 * absent, unless a listing names it: then the new one could not be confirmed.
 *
 * @param isGuarded whether the store refuses; if not, a hidden key that cannot be listed is not risked
 * @throws HiddenError if an object lies there, or may, that this access key may not read; else as `Store.look` does
 */
export async function lookBeforePut(
  store: Pick<Store, 'look' | 'list'>,
  key: string,
  signal: AbortSignal,
  isGuarded = true,
): Promise<StoredObject | undefined> {
  try {
    return await store.look(key, signal);
  } catch (error) {
    if (!(error instanceof HiddenError) || ((await isListed(store, key, signal)) ?? !isGuarded)) throw error;
    return undefined;
  }
}

/** `undefined` where these credentials may not list. */
async function isListed(store: Pick<Store, 'list'>, key: string, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    for await (const object of store.list(key, signal)) if (object.key === key) return true;
  } catch (error) {
    if (error instanceof PermanentError) return undefined;
    throw error;
  }
  return false;
}
