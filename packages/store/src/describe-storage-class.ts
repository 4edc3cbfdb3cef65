import type { ProbeFinding } from './store-probe.ts';

/**
 * What a trial says of the storage class that dumps are put into; nothing where none is set.
 *
 * @param unknown what it means that the store does not have it, if it does not
 */
export function describeStorageClass(
  storageClass: string | undefined,
  unknown: string | undefined,
): readonly ProbeFinding[] {
  if (storageClass === undefined) return [];
  const step = 'storage-class';
  if (unknown !== undefined)
    return [{ step, status: 'warning', message: unknown, hint: 'Check S3_STORAGE_CLASS, or unset it.' }];
  return [{ step, status: 'ok', message: `dumps are put into the storage class ${storageClass}` }];
}
