import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { HiddenError } from './hidden-error.ts';
import type { Store, StoredObject } from './store.ts';

/**
 * Looks what lies under a key that something is about to be put to with `create`, which refuses by itself where something
 * does. So what is hidden counts as absent, unless a listing names it: what is put could not be confirmed then.
 *
 * @throws HiddenError if something lies there that may not be read; else as `Store.look` does
 */
export async function lookBeforePut(store: Store, key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
  try {
    return await store.look(key, signal);
  } catch (error) {
    if (!(error instanceof HiddenError) || (await isListed(store, key, signal))) throw error;
    return undefined;
  }
}

async function isListed(store: Store, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const object of store.list(key, signal)) if (object.key === key) return true;
  } catch (error) {
    // A key that may not list learns nothing here.
    if (!(error instanceof PermanentError)) throw error;
  }
  return false;
}
