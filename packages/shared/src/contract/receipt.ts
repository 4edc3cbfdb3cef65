import { z } from 'zod';
import { backupNameSchema, type BackupName } from './backup-name.ts';
import type { Destination } from './destination.ts';
import type { Manifest } from './manifest.ts';
import { destinationNameSchema } from './target.ts';

const receiptFields = {
  version: z.literal(1),
  name: backupNameSchema,
  destination: destinationNameSchema,
  key: z.string().min(1),
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** How the content was compared: by a checksum that the store keeps, its MD5 ETag, reading it back, or size alone. */
  confirmedBy: z.enum(['checksum', 'etag', 'read', 'size']),
  etag: z.string().optional(),
  versionId: z.string().optional(),
  confirmedAt: z.iso.datetime(),
  /** When retention at the destination released the copy. It was confirmed before, and is not put there again. */
  prunedAt: z.iso.datetime().optional(),
};

/** Another disk of this host, a disk of another host, or no other disk at all. */
export const folderMedia = ['same-disk', 'other-disk', 'network'] as const;
export type FolderMedium = (typeof folderMedia)[number];

const s3ReceiptSchema = z.strictObject({
  ...receiptFields,
  endpoint: z.string().optional(),
  bucket: z.string().min(1),
});

/** `NAME.<destination>.receipt.json`: the store's own confirmation of an upload, to a bucket or to a folder. */
export const receiptSchema = z.union([
  s3ReceiptSchema,
  z.strictObject({
    ...receiptFields,
    folder: z.string().startsWith('/'),
    /** On what the folder lay then, as seen from the backup folder. */
    medium: z.enum(folderMedia),
  }),
]);

export type S3Receipt = z.infer<typeof s3ReceiptSchema>;
export type Receipt = z.infer<typeof receiptSchema>;

export function receiptFileName(name: BackupName, destination: string): string {
  return `${name}.${destination}.receipt.json`;
}

/** The fields that say which dump a receipt confirms, and where. */
export type ConfirmingReceipt = Pick<Receipt, 'name' | 'sha256' | 'bytes' | 'destination' | 'key' | 'prunedAt'> & {
  readonly endpoint?: string | undefined;
  readonly bucket?: string | undefined;
  readonly folder?: string | undefined;
  readonly medium?: FolderMedium | undefined;
};
export type ConfirmedManifest = Pick<Manifest, 'name' | 'sha256' | 'bytes'>;

/** Whether the receipt confirms exactly this dump, at this destination, and the copy is still to be there. */
export function receiptConfirms(
  receipt: ConfirmingReceipt,
  manifest: ConfirmedManifest,
  destination: Destination,
): boolean {
  return receipt.prunedAt === undefined && receiptSettles(receipt, manifest, destination);
}

/** Whether the destination has confirmed exactly this dump, and holds it still or has pruned it since. No upload is missing. */
export function receiptSettles(
  receipt: ConfirmingReceipt,
  manifest: ConfirmedManifest,
  destination: Destination,
): boolean {
  return (
    receiptIsOf(receipt, manifest) &&
    receipt.destination === destination.name &&
    receipt.key === destination.prefix + manifest.name &&
    ('folder' in destination
      ? receipt.folder === destination.folder
      : receipt.endpoint === destination.endpoint && receipt.bucket === destination.bucket)
  );
}

/** Whether the receipt is of exactly this dump, at any destination. */
export function receiptIsOf(receipt: ConfirmingReceipt, manifest: ConfirmedManifest): boolean {
  return receipt.name === manifest.name && receipt.sha256 === manifest.sha256 && receipt.bytes === manifest.bytes;
}
