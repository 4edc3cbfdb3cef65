import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describe, expect, it } from 'vitest';
import { dumpKey, keyPrefixes, manifestKey, parseObjectKey } from './object-key.ts';
import { TRIAL_NAME } from './s3/probe/trial.ts';

const name = 'backup_shop_20260101_000000.sql.gz' as BackupName;

describe('an object key', () => {
  it.each(['', 'site/', 'a.b/c/'])('is parsed back under the prefix %j', (prefix) => {
    expect(parseObjectKey(prefix, dumpKey(prefix, name))).toEqual({ name, kind: 'dump' });
    expect(parseObjectKey(prefix, manifestKey(prefix, name))).toEqual({ name, kind: 'manifest' });
    expect(keyPrefixes(prefix).some((start) => dumpKey(prefix, name).startsWith(start))).toBe(true);
  });

  it.each([
    `other/${name}`,
    name,
    `site/deeper/${name}`,
    `site/${name}.manifest.json.manifest.json`,
    `site/${name}.s3.receipt.json`,
    'site/backup_shop_20260231_000000.sql.gz',
    'site/backup_notes.txt',
    `site/${TRIAL_NAME}0123456789ab`,
  ])('of somebody else is none of ours: %s', (key) => {
    expect(parseObjectKey('site/', key)).toBeUndefined();
  });
});
