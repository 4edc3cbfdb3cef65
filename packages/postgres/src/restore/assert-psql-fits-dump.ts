import { constants, gunzipSync } from 'node:zlib';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { judgePsql } from '../client/psql-version-policy.ts';
import { readDumpFile, type DumpFile } from '../proof/dump-file.ts';

/** Bytes of a file that hold the beginning of its text. */
const BEGINNING = 4096;

/**
 * Refuses a psql that cannot restore a dump, before anything is done.
 *
 * @param version of psql; see `readPsqlVersion`
 * @throws PermanentError if it cannot
 */
export async function assertPsqlFitsDump(version: string, file: DumpFile): Promise<void> {
  if (judgePsql(version).knowsRestrict || !(await beginsWithRestrict(file))) return;
  throw new PermanentError(String.raw`psql ${version} is too old for this dump: it does not know \restrict`, {
    hint: 'Install psql 17.6, 16.10, 15.14, 14.19, 13.22 or newer; 18.6, 17.11, 16.15, 15.19 and 14.24 have all known faults mended.',
  });
}

/** A damaged file does not seem to; the proof says later what is wrong with it. */
async function beginsWithRestrict(file: DumpFile): Promise<boolean> {
  try {
    const text = gunzipSync(await readBeginning(file), { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1');
    return /^\\restrict /m.test(text.split('\nSET ', 1)[0] ?? '');
  } catch {
    return false;
  }
}

async function readBeginning(file: DumpFile): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readDumpFile(file)) {
    chunks.push(chunk);
    if (chunks.reduce((sum, { length }) => sum + length, 0) >= BEGINNING) break;
  }
  return Buffer.concat(chunks).subarray(0, BEGINNING);
}
