import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { describe, expect, it } from 'vitest';
import type { KnownDump } from '../folder/read-folder.ts';
import { describeWhatIsSafe } from './what-is-safe.ts';

const now = new Date('2026-11-26T12:00:00Z');
const destination: Destination = { name: 's3', endpoint: undefined, bucket: 'b', prefix: '' };
const copy: Destination = { name: 'copy', folder: '/nas', prefix: '' };

function dump(
  hour: number,
  is: {
    readonly confirmed?: boolean;
    readonly copied?: boolean;
    readonly bad?: boolean;
    readonly suspect?: boolean;
  } = {},
): KnownDump {
  const takenAt = new Date(Date.UTC(2026, 10, 26, hour));
  const name = formatBackupName('shop', takenAt);
  const sha256 = 'a'.repeat(64);
  const manifest = {
    name,
    takenAt: takenAt.toISOString(),
    sha256,
    bytes: 1,
    ...(is.suspect === true ? { suspect: { percent: 1, usualSqlBytes: 9 } } : {}),
  } as Manifest;
  const receipt = { name, sha256, bytes: 1, destination: 's3', bucket: 'b', key: name } as Partial<Receipt> as Receipt;
  const copied = {
    name,
    sha256,
    bytes: 1,
    destination: 'copy',
    folder: '/nas',
    key: name,
  } as Partial<Receipt> as Receipt;
  return {
    manifest,
    receipts: new Map([
      ...(is.confirmed === true ? [['s3', receipt] as const] : []),
      ...(is.copied === true ? [['copy', copied] as const] : []),
    ]),
    restoreTests: new Map(is.bad === true ? [['s3', { result: 'bad' } as RestoreTest]] : []),
  };
}

const nameAt = (hour: number) => dump(hour).manifest.name;

describe('what is safe', () => {
  it.each([
    { dumps: [], destinations: [destination], says: 'no backup of it.' },
    {
      dumps: [dump(9)],
      destinations: [],
      says: `${nameAt(9)}, taken 3h ago, the only one, in the backup folder.`,
    },
    {
      dumps: [dump(1, { confirmed: true }), dump(9, { confirmed: true })],
      destinations: [destination],
      says: `${nameAt(9)}, taken 3h ago, the newest of 2, in the backup folder and at s3.`,
    },
    {
      dumps: [dump(1, { confirmed: true }), dump(9)],
      destinations: [destination],
      says: `in the backup folder ${nameAt(9)}, taken 3h ago, the newest of 2; at s3 ${nameAt(1)}, taken 11h ago.`,
    },
    {
      dumps: [dump(13), dump(14)],
      destinations: [destination],
      says: `in the backup folder ${nameAt(14)}, from the future, the newest of 2; nothing at s3.`,
    },
    {
      dumps: [dump(1, { confirmed: true }), dump(9), dump(13, { confirmed: true })],
      destinations: [destination],
      says: `in the backup folder ${nameAt(9)}, taken 3h ago, the newest of 3; at s3 ${nameAt(1)}, taken 11h ago.`,
    },
    {
      dumps: [dump(1), dump(9, { bad: true })],
      destinations: [],
      says: `${nameAt(1)}, taken 11h ago, the only one, in the backup folder. 1 more was found BAD.`,
    },
    {
      dumps: [dump(1, { bad: true }), dump(2, { bad: true })],
      destinations: [destination],
      says: 'no backup of it. 2 were found BAD.',
    },
    {
      dumps: [dump(1), dump(2, { bad: true }), dump(9, { suspect: true })],
      destinations: [],
      says: `${nameAt(1)}, taken 11h ago, the only one, in the backup folder. 1 more was found BAD. 1 more is suspect.`,
    },
    {
      dumps: [dump(8, { suspect: true }), dump(9, { suspect: true })],
      destinations: [destination],
      says: 'no backup of it. 2 are suspect.',
    },
    {
      dumps: [dump(1, { confirmed: true, copied: true }), dump(9, { confirmed: true, copied: true })],
      destinations: [destination, copy],
      says: `${nameAt(9)}, taken 3h ago, the newest of 2, in the backup folder and at s3 and copy.`,
    },
    {
      dumps: [dump(1, { confirmed: true, copied: true }), dump(9, { confirmed: true })],
      destinations: [destination, copy],
      says: `in the backup folder ${nameAt(9)}, taken 3h ago, the newest of 2; at s3 ${nameAt(9)}, taken 3h ago; at copy ${nameAt(1)}, taken 11h ago.`,
    },
  ])('is said in a sentence: $says', ({ dumps, destinations, says }) => {
    expect(describeWhatIsSafe(dumps, destinations, now)).toBe(says);
  });
});
