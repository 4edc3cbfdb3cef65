import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { describeWhatIsSafe } from '../policy/what-is-safe.ts';
import { allRecorded, readFolder } from './read-folder.ts';
import type { Records } from './records.ts';

/** Says in a sentence which backups of a database there are. Never throws: the alarm that quotes it is raised in any case. */
export async function readWhatIsSafe(
  records: Records,
  database: string,
  destinations: readonly Destination[],
): Promise<string> {
  try {
    const contents = await readFolder(records, { databases: [database] });
    return describeWhatIsSafe(allRecorded(contents), destinations, new Date());
  } catch (error) {
    return `that is not known, because the backup folder cannot be read: ${describeError(error)}`;
  }
}
