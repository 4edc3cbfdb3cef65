import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { receiptConfirms } from '@pgstow/shared/contract/receipt.ts';
import type { JudgedDump } from './judged-dump.ts';

/** Whether the store has confirmed the dump at this very destination. */
export function isConfirmed(
  { manifest, receipts }: Pick<JudgedDump, 'manifest' | 'receipts'>,
  destination: Destination,
): boolean {
  const receipt = receipts.get(destination.name);
  return receipt !== undefined && receiptConfirms(receipt, manifest, destination);
}
