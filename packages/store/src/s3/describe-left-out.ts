import type { Extra } from './extras.ts';

/** Says in a sentence what follows where a store does not know an extra. */
export function describeLeftOut(extra: Extra, refusal: string, storageClass: string | undefined): string {
  const consequences: Readonly<Record<Extra, string>> = {
    conditional: 'does not know If-None-Match: pgstow looks what lies there before it puts',
    checksum: 'does not know checksums: it is sent none (S3_CHECKSUM), and uploads are compared by its ETag',
    'storage-class': `does not have the storage class ${storageClass ?? ''} (S3_STORAGE_CLASS): dumps are put into its own`,
  };
  return `the store ${consequences[extra]} (${refusal})`;
}
