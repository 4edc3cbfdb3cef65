import { receiptConfirms, type DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import type { KnownDump } from './read-folder.ts';

/** Whether a store has confirmed the dump at this very place. */
export function isConfirmed({ manifest, receipts }: KnownDump, place: DestinationPlace): boolean {
  const receipt = receipts.get(place.name);
  return receipt !== undefined && receiptConfirms(receipt, manifest, place);
}
