import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { HiddenError } from './hidden-error.ts';
import type { Store, StoredObject } from './store.ts';

/**
 * Looks what lies under a key that something is about to be put to with `create`, which refuses by itself where something
 * does. So what is hidden counts as absent, unless a listing names it: what is put could not be confirmed then.
 *
 * @param isGuarded whether the store will refuse; if not, what is hidden and may not be listed is not risked
 * @throws HiddenError if something lies there, or may, that may not be read; else as `Store.look` does
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
