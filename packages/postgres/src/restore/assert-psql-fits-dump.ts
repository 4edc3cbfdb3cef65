import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { judgePsql } from '../client/psql-version-policy.ts';

/** Bytes of a file that hold the beginning of its text. */
const BEGINNING = 4096;

/**
 * Refuses a psql that cannot restore a dump, before anything is done.
 *
 * @param version of psql; see `readPsqlVersion`
 * @throws PermanentError if it cannot
 */
export async function assertPsqlFitsDump(version: string, path: string): Promise<void> {
  if (judgePsql(version).knowsRestrict || !(await beginsWithRestrict(path))) return;
  throw new PermanentError(String.raw`psql ${version} is too old for this dump: it does not know \restrict`, {
    hint: 'Install psql 17.6, 16.10, 15.14, 14.19, 13.22 or newer; 18.6, 17.11, 16.15, 15.19 and 14.24 have all known faults mended.',
  });
}

/** A damaged file does not seem to; the proof says later what is wrong with it. */
async function beginsWithRestrict(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { bytesRead, buffer } = await file.read(Buffer.alloc(BEGINNING), 0, BEGINNING, 0);
  try {
    const text = gunzipSync(buffer.subarray(0, bytesRead), { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1');
    return /^\\restrict /m.test(text.split('\nSET ', 1)[0] ?? '');
  } catch {
    return false;
  }
}
