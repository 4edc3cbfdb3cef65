import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { receiptConfirms, receiptSettles } from '@pgstow/shared/contract/receipt.ts';
import type { JudgedDump } from './judged-dump.ts';

/** Whether the store has confirmed the dump at this very destination. */
export function isConfirmed(
  { manifest, receipts }: Pick<JudgedDump, 'manifest' | 'receipts'>,
  destination: Destination,
): boolean {
  const receipt = receipts.get(destination.name);
  return receipt !== undefined && receiptConfirms(receipt, manifest, destination);
}

/** Whether no upload is missing: the destination has confirmed the dump, and holds it still or has pruned it since. */
export function isSettled(
  { manifest, receipts }: Pick<JudgedDump, 'manifest' | 'receipts'>,
  destination: Destination,
): boolean {
  const receipt = receipts.get(destination.name);
  return receipt !== undefined && receiptSettles(receipt, manifest, destination);
}

/** The destinations that have never confirmed the dump. */
export function lackingOf(
  dump: Pick<JudgedDump, 'manifest' | 'receipts'>,
  destinations: readonly Destination[],
): readonly Destination[] {
  return destinations.filter((destination) => !isSettled(dump, destination));
}

/** Whether every destination has confirmed the dump, and holds it. Where backups stay local, the manifest confirms. */
export function isConfirmedEverywhere(
  dump: Pick<JudgedDump, 'manifest' | 'receipts'>,
  destinations: readonly Destination[],
): boolean {
  return destinations.every((destination) => isConfirmed(dump, destination));
}
