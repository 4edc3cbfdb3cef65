import { isArchiveClass } from '@pgstow/shared/config/subjects/s3.ts';
import type { ProbeFinding } from './probe-finding.ts';

/**
 * Says what follows from the storage class of dumps; nothing where none is set.
 *
 * @param unknown the sentence that says that the store does not have it, if it does not
 */
export function describeStorageClass(
  storageClass: string | undefined,
  unknown: string | undefined,
): readonly ProbeFinding[] {
  if (storageClass === undefined) return [];
  const step = 'storage-class';
  if (unknown !== undefined)
    return [{ step, status: 'warning', message: unknown, hint: 'Check S3_STORAGE_CLASS, or unset it.' }];
  if (isArchiveClass(storageClass)) {
    return [
      {
        step,
        status: 'warning',
        message: `dumps are put into an archive (${storageClass}): before one can be restored or tested it has to be restored there, which takes minutes to days`,
        hint: 'Restore tests of the store COULD NOT TELL. Set S3_STORAGE_CLASS=GLACIER_IR, or have a lifecycle rule move dumps once they are a week old.',
      },
    ];
  }
  return [{ step, status: 'ok', message: `dumps are put into the storage class ${storageClass}` }];
}
