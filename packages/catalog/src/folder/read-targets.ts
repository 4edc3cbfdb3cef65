import type { AskedDatabases } from '@pgstow/shared/config/subjects/postgres.ts';
import { targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { FOUND_DATABASES_FILE, type FoundDatabases } from '@pgstow/shared/contract/found-databases.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { readFoundDatabases } from './read-records.ts';
import { Records } from './records.ts';

/** The targets that are backed up now, by the settings and what was found. @throws RetryableError as `readFound` does */
export function readTargets(records: Records | string, asked: AskedDatabases): readonly string[] {
  return targetsOf(asked, readFound(records, asked));
}

/**
 * The databases that patterns have found; `undefined` before the first look, and where there are no patterns.
 *
 * @throws RetryableError if the record cannot be read: what is there is not known then, and not nothing
 */
export function readFound(records: Records | string, { patterns }: AskedDatabases): FoundDatabases | undefined {
  if (patterns.length === 0) return undefined;
  const found = readFoundDatabases(typeof records === 'string' ? new Records(records) : records);
  if (!(found instanceof Error)) return found;
  throw new RetryableError(`${FOUND_DATABASES_FILE} cannot be read: ${found.message}`, {
    hint: 'The next run of the server writes it anew: pgstow dump asks for one.',
    cause: found,
  });
}
