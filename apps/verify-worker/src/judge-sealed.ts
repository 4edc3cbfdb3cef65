import { open } from 'node:fs/promises';
import { ciphertextBytes, LONGEST_HEADER, readAgeHeader } from '@pgstow/postgres/age/ciphertext-plan.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { BadDumpError } from './bad-dump-error.ts';
import type { WantedDump } from './find-wanted-dump.ts';
import { describeTest } from './judge-test.ts';

/**
 * Judges an encrypted dump that no identity is here to decrypt, by what can be proven all the same. It fails no job: another attempt
 * would know no more, and no person has to mend anything for the backup's sake.
 *
 * @param path of the copy, whose size and sha256 are as in the manifest
 * @throws BadDumpError if it is no file of age that holds the gzip of the manifest
 */
export async function judgeSealed(wanted: WantedDump, path: string, durationMs: number): Promise<RestoreTest> {
  const { encryption, bytes } = wanted.manifest;
  const header = readAgeHeader(await readBeginning(path));
  if (header === undefined) throw new BadDumpError('it does not begin as a file of age');
  const keys = encryption?.recipients?.length;
  if (keys !== undefined && header.recipients < keys)
    throw new BadDumpError(`it is encrypted to ${header.recipients} keys, and its manifest says ${keys}`);
  if (encryption !== undefined && ciphertextBytes(header, encryption.gzipBytes) !== bytes)
    throw new BadDumpError(`its ciphertext of ${bytes} bytes does not hold a gzip of ${encryption.gzipBytes} bytes`);
  return {
    ...describeTest(wanted, durationMs),
    result: 'could-not-tell',
    isSealed: true,
    reason:
      'it is encrypted, and no AGE_IDENTITY_FILE is here to restore it; its sha256, its size, its last block and the number of its keys are right',
  };
}

async function readBeginning(path: string): Promise<Buffer> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, 0);
  return buffer.subarray(0, bytesRead);
}
