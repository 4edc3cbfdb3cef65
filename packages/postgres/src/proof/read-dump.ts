import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { decryptAge } from '../age/decrypt-age.ts';
import { followFile, kindOfDump, Sums, type DumpFile } from './dump-file.ts';
import type { DumpTextSink } from './dump-text.ts';
import { readGzip } from './read-gzip.ts';

/**
 * Reads a dump's file to its end, decrypted where that is needed, and the text in it.
 *
 * @param file whose name says whether it is a dump of globals
 * @param written when the file is whole; until then it is followed as it grows
 * @returns the sums of the file, and those of the gzip in an encrypted one
 * @throws as `readGzip` and `decryptAge` do
 */
export async function readDump(
  { path, identityFile }: DumpFile,
  written: Promise<unknown>,
  sink?: DumpTextSink,
): Promise<ProvenContent> {
  const file = followFile(path, written);
  const kind = kindOfDump(path);
  if (identityFile === undefined) return readGzip(file, { kind, sink });
  const sums = new Sums();
  const { bytes, sha256, ...text } = await readGzip(decryptAge(sums.of(file), identityFile), { kind, sink });
  return {
    bytes: sums.bytes,
    sha256: sums.sha256(),
    ...text,
    encryption: { gzipBytes: bytes, gzipSha256: sha256 },
  };
}
