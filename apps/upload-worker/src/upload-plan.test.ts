import type { StoredObject } from '@pgstow/store/store.ts';
import { describe, expect, it } from 'vitest';
import { decideUpload } from './upload-plan.ts';

const object: StoredObject = {
  bytes: 1,
  etag: undefined,
  isEtagDigest: true,
  checksums: { crc32: undefined, sha256: undefined },
  metadata: {},
  versionId: undefined,
};

describe('decideUpload', () => {
  it('puts a dump where nothing lies, in a way that lets nothing be overwritten', () => {
    expect(decideUpload({ verdict: 'absent' }, false).action).toBe('create');
  });

  it('leaves alone what is right already', () => {
    expect(decideUpload({ verdict: 'same', object, by: 'etag' }, false).action).toBe('nothing');
  });

  it('replaces a damaged copy of its own, and says why', () => {
    const plan = decideUpload({ verdict: 'different', object, why: 'it has 3 bytes' }, true);
    expect(plan).toEqual({ action: 'replace', reason: 'the copy there is damaged: it has 3 bytes' });
  });

  it('refuses to touch what is not its own, and says why', () => {
    const plan = decideUpload({ verdict: 'different', object, why: 'it has 3 bytes' }, false);
    expect(plan).toEqual({ action: 'refuse', reason: 'something else lies there: it has 3 bytes' });
  });
});
