import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { FolderMedium } from '@pgstow/shared/contract/receipt.ts';
import { describe, expect, it } from 'vitest';
import { describeCopies, judgeCopies } from './copies-policy.ts';
import type { JudgedDump } from './judged-dump.ts';

const now = new Date('2026-11-26T12:00:00Z');
const aws: Destination = { name: 's3', bucket: 'mine', prefix: '' };
const at = (endpoint: string): Destination => ({ ...aws, endpoint });
const nas: Destination = { name: 'copy', folder: '/nas', prefix: '' };

function dumpAt(destinations: readonly Destination[], medium: FolderMedium = 'other-disk'): JudgedDump {
  const takenAt = '2026-11-26T03:00:00.000Z';
  const name = formatBackupName('shop', new Date(takenAt));
  const content = { name, bytes: 1, sha256: 'a'.repeat(64) };
  return {
    manifest: { ...content, takenAt, recordedAt: takenAt, sqlBytes: 1 },
    receipts: new Map(
      destinations.map(({ name: destination, prefix: _prefix, ...place }) => [
        destination,
        { ...content, destination, ...place, medium, key: name, confirmedAt: takenAt },
      ]),
    ),
    restoreTests: new Map(),
  };
}

describe('3-2-1', () => {
  it.each<[string, readonly Destination[], FolderMedium | undefined, string]>([
    [
      'the folder alone',
      [],
      undefined,
      'does not hold: 2 copies with the database itself (backup folder), on one medium, none of them elsewhere',
    ],
    [
      'a bucket of AWS',
      [aws],
      undefined,
      'holds: 3 copies with the database itself (backup folder, s3), on 2 media, one of them elsewhere (s3)',
    ],
    [
      'a bucket and a NAS',
      [at('https://s3.example.com'), nas],
      'network',
      'holds: 4 copies with the database itself (backup folder, s3, copy), on 3 media, one of them elsewhere (s3)',
    ],
    [
      'a NAS alone',
      [nas],
      'network',
      'does not hold: 3 copies with the database itself (backup folder, copy), on 2 media, none of them elsewhere',
    ],
    [
      'a folder of the same disk',
      [nas],
      'same-disk',
      'does not hold: 3 copies with the database itself (backup folder, copy), on one medium (copy is on the disk of the backup folder), none of them elsewhere',
    ],
    [
      'a bucket on this host',
      [at('http://minio:9000')],
      undefined,
      'does not hold: 3 copies with the database itself (backup folder, s3), on 2 media, none of them elsewhere',
    ],
    [
      'a bucket in this network',
      [at('https://192.168.1.9:9000')],
      undefined,
      'does not hold: 3 copies with the database itself (backup folder, s3), on 2 media, none of them elsewhere',
    ],
  ])('of %s is said in words', (_what, destinations, medium, words) => {
    expect(judgeCopies([dumpAt(destinations, medium)], destinations, now)?.sentence).toBe(`3-2-1 ${words}`);
  });

  it('counts what is confirmed, not what is configured', () => {
    expect(judgeCopies([dumpAt([nas])], [aws, nas], now)).toMatchObject({
      copies: 3,
      media: 2,
      elsewhere: [],
      holds: false,
    });
    expect(judgeCopies([], [aws], now)).toBeUndefined();
  });

  it('is said once for databases of which it is the same', () => {
    const [both, one] = [[aws, nas], [nas]].map((each) => judgeCopies([dumpAt(each)], [aws, nas], now));
    const said = describeCopies([
      { shown: 'a', copies: both },
      { shown: 'b', copies: one },
      { shown: 'c', copies: both },
      { shown: 'd', copies: undefined },
    ]);
    expect(said.map((sentence) => sentence.split(':')[0])).toEqual(['a, c', 'b']);
  });
});
