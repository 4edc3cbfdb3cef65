import type { FileDigest } from './file-digests.ts';
import type { StoredObject } from './store.ts';

/**
 * `doubtful`: the store's checksum or ETag does not fit. The reason may be another than the content: another size of parts, or an
 * ETag that only looks like an MD5. `unknown`: the size fits and there is nothing else to compare. In both cases, reading the
 * object back decides.
 */
export type Comparison =
  | { readonly verdict: 'same'; readonly by: 'checksum' | 'etag' }
  | { readonly verdict: 'different' | 'doubtful' | 'unknown'; readonly why: string };

/** Compares what a store says of an object with a file. */
export function compareObject(object: StoredObject, digest: FileDigest): Comparison {
  if (object.bytes !== digest.bytes)
    return { verdict: 'different', why: `it has ${object.bytes} bytes, the dump ${digest.bytes}` };
  for (const algorithm of ['sha256', 'crc32'] as const) {
    const kept = object.checksums[algorithm];
    const expected = kept === undefined ? undefined : expectedChecksum(kept, algorithm, digest);
    if (expected === undefined) continue;
    return kept === expected
      ? { verdict: 'same', by: 'checksum' }
      : { verdict: 'doubtful', why: `its ${algorithm} is ${kept}, the dump's ${expected}` };
  }
  if (!object.isEtagDigest || object.etag === undefined || !/^[0-9a-f]{32}(?:-\d+)?$/.test(object.etag))
    return { verdict: 'unknown', why: 'the store keeps neither a checksum nor an MD5 of it' };
  return object.etag === digest.etag
    ? { verdict: 'same', by: 'etag' }
    : { verdict: 'doubtful', why: `its ETag is ${object.etag}, the dump's ${digest.etag}` };
}

/** The checksum of an object with the file's content; `undefined` if it is made of other parts. */
function expectedChecksum(kept: string, algorithm: 'sha256' | 'crc32', digest: FileDigest): string | undefined {
  const count = /-(\d+)$/.exec(kept)?.[1];
  if (count === undefined) return digest.checksums[algorithm];
  const ofParts = digest.partsChecksums[algorithm];
  return Number(count) === digest.partCount && ofParts !== undefined ? `${ofParts}-${count}` : undefined;
}
