import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { dumpsOf } from '../policy/dumps-of.ts';
import { describeWhatIsSafe } from '../policy/what-is-safe.ts';
import { readFolder } from './read-folder.ts';

/** What backups of a database there are now, in a sentence. Never throws: an alarm is raised all the same. */
export async function readWhatIsSafe(
  folder: string,
  database: string,
  destination: DestinationPlace | undefined,
): Promise<string> {
  try {
    const { dumps } = await readFolder(folder);
    return describeWhatIsSafe(dumpsOf(database, dumps), destination, new Date());
  } catch (error) {
    return `that is not known, because the backup folder cannot be read: ${describeError(error)}`;
  }
}
