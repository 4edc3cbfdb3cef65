import type { Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { ConfirmedManifest, ConfirmingReceipt, Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';

export type JudgedRestoreTest = Pick<
  RestoreTest,
  'name' | 'destination' | 'result' | 'reason' | 'differences' | 'testedAt'
>;

/** What the policies look at, of a dump: its records in the folder say so, and their published copy does. */
export type JudgedDump = {
  readonly manifest: ConfirmedManifest &
    Pick<
      Manifest,
      'takenAt' | 'recordedAt' | 'sqlBytes' | 'tables' | 'suspect' | 'emptiedTables' | 'identity' | 'formerSources'
    >;
  /** By destination. */
  readonly receipts: ReadonlyMap<string, ConfirmingReceipt & Pick<Receipt, 'confirmedAt'>>;
  /** By destination. */
  readonly restoreTests: ReadonlyMap<string, JudgedRestoreTest>;
  /** A person's word on a suspect dump. */
  readonly acceptance?: Pick<Acceptance, 'acceptedAt'> | undefined;
  /** Records of it that are there and cannot be read. */
  readonly unreadable?: readonly string[];
};
