import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { FileDigest } from './file-digests.ts';

/** Digests a small text that is put in one request. */
export function digestText(text: Buffer): FileDigest {
  const sum = (algorithm: 'md5' | 'sha256'): Buffer => createHash(algorithm).update(text).digest();
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(text));
  const checksums = { crc32: crc.toString('base64'), sha256: sum('sha256').toString('base64') };
  return {
    bytes: text.length,
    sha256: sum('sha256').toString('hex'),
    partCount: 1,
    etag: sum('md5').toString('hex'),
    checksums,
    // It has no parts.
    partsChecksums: { crc32: undefined, sha256: undefined },
  };
}
