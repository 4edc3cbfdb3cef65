/**
 * Storage classes whose objects cannot be read before somebody has had them restored, which takes minutes to days.
 * GLACIER_IR is none of them. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html
 */
const ARCHIVES: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE'];

/** Whether what is put into a storage class can be read back only later. */
export function isArchiveClass(storageClass: string | undefined): boolean {
  return storageClass !== undefined && ARCHIVES.includes(storageClass);
}
