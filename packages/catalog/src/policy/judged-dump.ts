import type { Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Pin } from '@pgstow/shared/contract/pin.ts';
import type { ConfirmedManifest, ConfirmingReceipt, Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';

export type JudgedRestoreTest = Pick<
  RestoreTest,
  'name' | 'destination' | 'result' | 'reason' | 'isSealed' | 'differences' | 'acceptedAt' | 'testedAt'
>;

/** The facts of a dump that policies need. Its records in the folder have them, and so has their published copy. */
export type JudgedDump = {
  readonly manifest: ConfirmedManifest &
    Pick<Manifest, 'takenAt' | 'recordedAt' | 'sqlBytes' | 'suspect' | 'emptiedTables' | 'identity' | 'formerSources'>;
  /** Receipts by destination. */
  readonly receipts: ReadonlyMap<string, ConfirmingReceipt & Pick<Receipt, 'confirmedAt'>>;
  /** Restore tests by destination. */
  readonly restoreTests: ReadonlyMap<string, JudgedRestoreTest>;
  /** A person's word on a suspect dump. */
  readonly acceptance?: Pick<Acceptance, 'acceptedAt'> | undefined;
  /** A person's word that it stays. */
  readonly pin?: Pick<Pin, 'pinnedAt' | 'reason'> | undefined;
  /** Files of its records that cannot be read. */
  readonly unreadable?: readonly string[];
};
