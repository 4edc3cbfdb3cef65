import { createHash } from 'node:crypto';
import type { Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { FileDigests } from '@pgstow/store/file-digests.ts';
import { compareObject } from '@pgstow/store/object-comparison.ts';
import type { Store, StoredObject } from '@pgstow/store/store.ts';
import type { UploadDestination } from './upload-destination.ts';

/** The object under a dump's key, compared with the dump. */
export type Inspection =
  | { readonly verdict: 'absent' }
  | { readonly verdict: 'same'; readonly object: StoredObject; readonly by: Receipt['confirmedBy'] }
  | { readonly verdict: 'different'; readonly object: StoredObject; readonly why: string };

export type InspectOptions = {
  /** True if we have just put it: then the size has to do, where nothing else can be compared. */
  readonly isFresh: boolean;
  readonly signal: AbortSignal;
};

/**
 * Compares what the store says of an object with the dump and, where that does not decide, reads the object back.
 *
 * @param object what `Store.look` found under `key`
 */
export async function inspectObject(
  task: Task<'upload'>,
  { store, confirm, warnOnce }: UploadDestination,
  key: string,
  object: StoredObject | undefined,
  digests: FileDigests,
  { isFresh, signal }: InspectOptions,
): Promise<Inspection> {
  if (object === undefined) return { verdict: 'absent' };
  const digest = await digests.whole();
  const comparison = compareObject(object, digest);
  if (comparison.verdict === 'different') return { verdict: 'different', object, why: comparison.why };
  if (comparison.verdict === 'same' && confirm === 'auto') return { verdict: 'same', object, by: comparison.by };
  if (comparison.verdict === 'unknown' && confirm === 'auto' && isFresh) {
    warnOnce(
      `uploads are confirmed by their size alone: ${comparison.why}; set S3_CONFIRM=read to have them read back`,
    );
    return { verdict: 'same', object, by: 'size' };
  }
  task.note(`reading it back${comparison.verdict === 'same' ? '' : `: ${comparison.why}`}`);
  const sha256 = await hashObject(store, key, signal);
  return sha256 === digest.sha256
    ? { verdict: 'same', object, by: 'read' }
    : { verdict: 'different', object, why: `its content has the sha256 ${sha256}, the dump ${digest.sha256}` };
}

async function hashObject(store: Store, key: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of store.read(key, signal)) hash.update(chunk);
  return hash.digest('hex');
}
