import { pairExtraOptions } from '@pgstow/shared/config/values/extra-options.ts';

/** Options of pg_dump after which the dump still holds every object and every row. */
const COMPLETE = new Set(
  `-b --large-objects --blobs -c --clean -C --create --if-exists -O --no-owner -x --no-privileges --no-acl -v --verbose
  --attribute-inserts --column-inserts --inserts --disable-dollar-quoting --disable-triggers --load-via-partition-root
  --no-comments --no-security-labels --no-statistics --no-table-access-method --no-tablespaces --no-toast-compression
  --on-conflict-do-nothing --quote-all-identifiers --serializable-deferrable --statistics --strict-names
  --use-set-session-authorization -E --encoding -S --superuser --extra-float-digits --include-foreign-data --restrict-key
  --role --rows-per-insert --sequence-data`.split(/\s+/),
);

/** Options of pg_dump that leave something out of the dump, as they may be shown. */
export function limitingOptions(words: readonly string[]): readonly string[] {
  return pairExtraOptions(words)
    .filter(([option]) => !COMPLETE.has(option))
    .map((pair) => pair.join('='));
}

/** The role that pg_dump takes on once it is connected. */
export function dumpRole(words: readonly string[]): string | undefined {
  return pairExtraOptions(words).findLast(([option]) => option === '--role')?.[1];
}
