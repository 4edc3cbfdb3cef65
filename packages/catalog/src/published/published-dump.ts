import { describeRehearsal } from '@pgstow/shared/contract/describe-rehearsal.ts';
import type { PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import { receiptIsOf } from '@pgstow/shared/contract/receipt.ts';
import type { KnownDump } from '../folder/read-folder.ts';
import type { JudgedDump } from '../policy/judged-dump.ts';

/** Characters of a reason that are enough to act on. */
const LONGEST_REASON = 300;

/** Shortens a dump. Receipts of other content are left out: each that is left confirms it at its destination. */
export function shortenDump({ manifest, receipts, restoreTests, acceptance, pin }: KnownDump): PublishedDump {
  const { name, takenAt, recordedAt, origin, bytes, sha256, sqlBytes, rows, durationMs, suspect, identity } = manifest;
  return {
    name,
    takenAt,
    recordedAt,
    origin,
    bytes,
    sha256,
    sqlBytes,
    rows,
    durationMs,
    suspect,
    identity,
    acceptedAt: acceptance?.acceptedAt,
    ...(pin === undefined ? {} : { pinnedAt: pin.pinnedAt }),
    receipts: [...receipts.values()]
      .filter((receipt) => receiptIsOf(receipt, manifest))
      .map((receipt) => ({
        destination: receipt.destination,
        ...('folder' in receipt
          ? { folder: receipt.folder, medium: receipt.medium }
          : { endpoint: receipt.endpoint, bucket: receipt.bucket }),
        key: receipt.key,
        confirmedAt: receipt.confirmedAt,
        ...(receipt.prunedAt === undefined ? {} : { prunedAt: receipt.prunedAt }),
      })),
    restoreTests: [...restoreTests.values()].map(
      ({ destination, result, reason, isSealed, differences, acceptedAt, testedAt, restoreMs, rehearsal }) => {
        const why = reason ?? differences[0];
        return {
          destination,
          result,
          reason: why?.slice(0, LONGEST_REASON).toWellFormed(),
          isSealed,
          acceptedAt,
          testedAt,
          restoreMs,
          rehearsal: describeRehearsal(rehearsal)[0]?.slice(0, LONGEST_REASON).toWellFormed(),
        };
      },
    ),
  };
}

/** A published dump as the policies need it. */
export type RecalledDump = JudgedDump & { readonly dump: PublishedDump };

export function recallDump(dump: PublishedDump): RecalledDump {
  const recalled = RECALLED.get(dump) ?? recall(dump);
  RECALLED.set(dump, recalled);
  return recalled;
}

/** A published catalog is read once and judged many times. */
const RECALLED = new WeakMap<PublishedDump, RecalledDump>();

function recall(dump: PublishedDump): RecalledDump {
  const { name, bytes, sha256, acceptedAt, pinnedAt } = dump;
  return {
    dump,
    manifest: dump,
    receipts: new Map(dump.receipts.map((receipt) => [receipt.destination, { ...receipt, name, bytes, sha256 }])),
    restoreTests: new Map(
      dump.restoreTests.map((test) => [
        test.destination,
        { ...test, name, differences: test.reason === undefined ? [] : [test.reason], rehearsal: undefined },
      ]),
    ),
    acceptance: acceptedAt === undefined ? undefined : { acceptedAt },
    pin: pinnedAt === undefined ? undefined : { pinnedAt },
  };
}
