import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { Receipt, S3Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest, RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { describe, expect, it } from 'vitest';
import type { KnownDump } from '../folder/read-folder.ts';
import { applyRetention, whyFrozen } from './retention-policy.ts';

const NOW = new Date('2026-06-15T12:00:00Z');
const HOUR = 3_600_000;
const NO_PERIODS = {
  keepPeriods: { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  timeZone: 'UTC',
} as const;
const s3: Destination = { name: 's3', endpoint: undefined, bucket: 'mine', prefix: '' };

function dumpAt(
  takenAt: Date,
  receipt: Partial<Receipt> | null = {},
  origin: 'dumped' | 'adopted' = 'dumped',
): KnownDump {
  const name = formatBackupName('shop', takenAt);
  const sha256 = 'a'.repeat(64);
  const manifest = {
    version: 1,
    name,
    database: 'shop',
    takenAt: takenAt.toISOString(),
    origin,
    recordedAt: NOW.toISOString(),
    bytes: 9,
    sha256,
    sqlBytes: 99,
  } as const;
  const whole: Receipt = {
    version: 1,
    name,
    destination: 's3',
    bucket: 'mine',
    key: name,
    bytes: 9,
    sha256,
    confirmedBy: 'etag',
    confirmedAt: NOW.toISOString(),
    ...receipt,
  };
  const receipts = new Map(receipt === null ? [] : [[whole.destination, whole]]);
  return { manifest, receipts, restoreTests: new Map() };
}
/** The same dump after a restore test, `-` for none. */
function tested(dump: KnownDump, result: RestoreTestResult | '-', destination = 's3'): KnownDump {
  if (result === '-') return dump;
  const { name, sha256 } = dump.manifest;
  const test: RestoreTest = {
    version: 1,
    name,
    destination,
    sha256,
    result,
    differences: [],
    differenceCount: 0,
    notes: [],
    testedAt: NOW.toISOString(),
    durationMs: 1,
  };
  return { ...dump, restoreTests: new Map([...dump.restoreTests, [destination, test]]) };
}
/** The same dump as one that has shrunk: `s` suspect, `a` accepted, `-` neither. */
function shrunk(dump: KnownDump, is: string): KnownDump {
  if (is === '-') return dump;
  const { name, sha256 } = dump.manifest;
  const manifest = { ...dump.manifest, suspect: { percent: 1, usualSqlBytes: 9900 } };
  const acceptance = { version: 1, name, sha256, acceptedAt: NOW.toISOString() } as const;
  return { ...dump, manifest, ...(is === 'a' ? { acceptance } : {}) };
}
const daily = (count: number, receipt?: (daysAgo: number) => Partial<Receipt> | null): KnownDump[] =>
  Array.from({ length: count }, (_, i) => count - 1 - i).map((daysAgo) =>
    dumpAt(new Date(NOW.getTime() - daysAgo * 24 * HOUR), receipt === undefined ? {} : receipt(daysAgo)),
  );
const actions = (dumps: readonly KnownDump[], keepLast: number, destination?: Destination) =>
  applyRetention(
    dumps,
    { ...NO_PERIODS, keepLast, destinations: destination === undefined ? [] : [destination], isTested: false },
    NOW,
  ).map(({ action }) => action);

describe('retention by periods', () => {
  const weekly = { ...NO_PERIODS, keepPeriods: { ...NO_PERIODS.keepPeriods, weekly: 3 } };
  const policy = { ...weekly, keepLast: 2, destinations: [], isTested: false };

  it('keeps the newest of a period beyond the newest of all, and says why', () => {
    // 15 June 2026 is a Monday.
    const verdicts = applyRetention(daily(20), policy, NOW).toReversed();
    expect(verdicts.flatMap(({ action }, daysAgo) => (action === 'keep' ? [daysAgo] : []))).toEqual([0, 1, 8]);
    expect([0, 1, 2, 8].map((daysAgo) => verdicts[daysAgo]?.reason)).toEqual([
      'it is the newest',
      'it is number 2 of the 2 newest',
      'it is number 3, and the 2 newest are kept, and the newest of 3 weeks',
      'it is the newest of 2026-W23, 3 of 3 weekly ones',
    ]);
  });

  it('takes the next dump of a period where the newest one is bad', () => {
    const dumps = daily(20).map((dump, index) => (index === 20 - 1 - 8 ? tested(dump, 'bad') : dump));
    const verdicts = applyRetention(
      [...dumps.slice(0, -1), ...dumps.slice(-1).map((dump) => tested(dump, 'good'))],
      policy,
      NOW,
    );
    const kept = verdicts.toReversed().flatMap(({ action }, daysAgo) => (action === 'keep' ? [daysAgo] : []));
    expect(kept).toEqual([0, 1, 9]);
  });
});

describe('retention', () => {
  it('of nothing is nothing', () => {
    expect(applyRetention([], { ...NO_PERIODS, keepLast: 4, destinations: [], isTested: false }, NOW)).toEqual([]);
  });

  it('keeps the newest and says why', () => {
    expect(
      applyRetention(daily(4), { ...NO_PERIODS, keepLast: 2, destinations: [], isTested: false }, NOW).map(
        ({ action, reason }) => `${action}: ${reason}`,
      ),
    ).toEqual([
      'delete: it is number 4, and the 2 newest are kept',
      'delete: it is number 3, and the 2 newest are kept',
      'keep: it is number 2 of the 2 newest',
      'keep: it is the newest',
    ]);
  });

  it('keeps what no store has confirmed while there is a destination', () => {
    const dumps = daily(5, (daysAgo) => (daysAgo === 3 ? null : {}));
    expect(actions(dumps, 1, s3)).toEqual(['delete', 'keep', 'delete', 'delete', 'keep']);
    expect(actions(dumps, 1)).toEqual(['delete', 'delete', 'delete', 'delete', 'keep']);
  });

  it('keeps what one of two destinations has not confirmed, and says which', () => {
    const copy: Destination = { name: 'copy', folder: '/nas', prefix: '' };
    const copied = daily(3).map((dump, index): KnownDump => {
      const { endpoint: _endpoint, bucket: _bucket, ...receipt } = dump.receipts.get('s3') as S3Receipt;
      const both = new Map([
        ...dump.receipts,
        ['copy', { ...receipt, destination: 'copy', folder: '/nas', medium: 'network' }] as const,
      ]);
      return { ...dump, receipts: index === 1 ? dump.receipts : both };
    });
    const policy = { ...NO_PERIODS, keepLast: 1, destinations: [s3, copy], isTested: false };
    expect(applyRetention(copied, policy, NOW).map(({ action, reason }) => [action, reason])).toEqual([
      ['delete', 'it is number 3, and the 1 newest are kept'],
      ['keep', 'its upload to copy is not confirmed'],
      ['keep', 'it is the newest'],
    ]);
    const elsewhere = applyRetention(copied, { ...policy, destinations: [{ ...copy, folder: '/usb' }] }, NOW);
    expect(elsewhere[0]?.reason).toBe('its upload to copy is not confirmed');
  });

  it.each<[string, Partial<Receipt>]>([
    ['another bucket', { bucket: 'old' }],
    ['another endpoint', { endpoint: 'https://old.example.com' }],
    ['another key', { key: 'old' }],
    ['another destination', { destination: 's4' }],
    ['another content', { sha256: 'b'.repeat(64) }],
    ['another size', { bytes: 8 }],
    ['another dump', { name: formatBackupName('shop', new Date(0)) }],
  ])('takes a receipt of %s for none', (_what, receipt) => {
    expect(
      actions(
        daily(2, () => receipt),
        1,
        s3,
      ),
    ).toEqual(['keep', 'keep']);
  });

  it('deletes nothing while the newest lies in the future, as after a clock that was wrong', () => {
    const dumps = [...daily(5), dumpAt(new Date(NOW.getTime() + 25 * HOUR))];
    const verdicts = applyRetention(dumps, { ...NO_PERIODS, keepLast: 2, destinations: [], isTested: false }, NOW);
    expect(verdicts.every(({ action }) => action === 'keep')).toBe(true);
    expect(verdicts[0]?.reason).toContain('lies in the future');
    expect(actions([...daily(5), dumpAt(new Date(NOW.getTime() + 23 * HOUR))], 2)).toContain('delete');
  });

  it.each<[string, readonly (RestoreTestResult | '-')[], string]>([
    ['good ones', ['good', 'good', 'good', 'good', 'good'], 'ddkkk'],
    ['none', ['-', '-', '-', '-', '-'], 'ddkkk'],
    ['the newest being bad', ['good', 'good', 'good', 'good', 'bad'], 'kkkkk'],
    ['a bad one that no later one has answered', ['good', 'good', 'bad', '-', 'could-not-tell'], 'kkkkk'],
    ['a bad one that a later good one has answered', ['good', 'good', 'bad', 'good', '-'], 'dkkkk'],
    ['bad ones, good again for long enough', ['good', 'bad', 'good', 'good', 'good'], 'ddkkk'],
    ['bad ones among those to keep', ['good', 'good', 'bad', 'bad', 'good'], 'kkkkk'],
    ['what could not be told', ['good', 'could-not-tell', 'good', 'good', 'could-not-tell'], 'ddkkk'],
    ['bad ones alone', ['bad', 'bad', 'bad', 'bad', 'bad'], 'kkkkk'],
    ['bad ones, and the newest that is not bad', ['-', 'bad', 'bad', 'bad', 'bad'], 'kkkkk'],
  ])('heeds restore tests: %s', (_what, results, wanted) => {
    const dumps = daily(5).map((dump, index) => tested(dump, results[index]!));
    expect(
      actions(dumps, 3, s3)
        .map(([letter]) => letter)
        .join(''),
    ).toBe(wanted);
  });

  it('does not count one from a clock that was hours ahead: what was taken since is newer', () => {
    const dumps = [-48, -24, -1, 2].map((hours) => dumpAt(new Date(NOW.getTime() + hours * HOUR)));
    expect(
      applyRetention(dumps, { ...NO_PERIODS, keepLast: 1, destinations: [s3], isTested: false }, NOW).map(
        ({ action }) => action,
      ),
    ).toEqual(['delete', 'delete', 'keep', 'keep']);
  });

  it('says which restore test froze it, and lifts that with a good test of the same dump', () => {
    const dumps = daily(5);
    const frozen = [...dumps.slice(0, 4), tested(dumps[4]!, 'bad')];
    const verdicts = applyRetention(frozen, { ...NO_PERIODS, keepLast: 2, destinations: [s3], isTested: false }, NOW);
    expect(verdicts[0]).toEqual({
      name: dumps[0]!.manifest.name,
      action: 'keep',
      rule: 'frozen',
      reason: `nothing is deleted while the newest restore test with a result, of ${dumps[4]!.manifest.name} from s3, is bad`,
    });
    expect(verdicts[3]?.reason).toBe('it is the newest that counts');
    expect(verdicts[4]?.reason).toContain('its restore test from s3 was bad');
    const again = [...dumps.slice(0, 4), tested(dumps[4]!, 'good')];
    expect(actions(again, 2, s3)).toEqual(['delete', 'delete', 'delete', 'keep', 'keep']);
  });

  it('takes a dump for bad if it is so at any destination', () => {
    const dumps = daily(3);
    const both = tested(tested(dumps[2]!, 'good', 'local'), 'bad');
    expect(actions([dumps[0]!, dumps[1]!, both], 1, s3)).toEqual(['keep', 'keep', 'keep']);
  });

  it.each([
    ['nothing while the newest is suspect', '----s', 'kkkkk'],
    ['nothing while several are', '--sss', 'kkkkk'],
    ['as usual once it is accepted', '----a', 'ddkkk'],
    ['as usual once the newest of several is accepted, the others not counted', 's-ssa', 'kkkkk'],
    ['what is not wanted once a newer one is not suspect', '--s--', 'dkkkk'],
    ['the suspect one with the others, once there are enough newer ones', '-s---', 'ddkkk'],
    ['nothing of suspect ones alone', 'sssss', 'kkkkk'],
  ])('lets go of %s', (_what, are, wanted) => {
    const dumps = daily(5).map((dump, index) => shrunk(dump, are[index]!));
    expect(
      actions(dumps, 3, s3)
        .map(([letter]) => letter)
        .join(''),
    ).toBe(wanted);
  });

  it('says which suspect dump froze it, in words', () => {
    const dumps = daily(5);
    const all = [...dumps.slice(0, 4), shrunk(dumps[4]!, 's')];
    const { name } = dumps[4]!.manifest;
    const why = `nothing is deleted while the newest, ${name}, is suspect: it has 99 B of SQL, 1 % of what the last good ones had`;
    expect(whyFrozen(all, NOW)).toEqual({ by: 'shrink', reason: why });
    expect(
      applyRetention(all, { ...NO_PERIODS, keepLast: 2, destinations: [s3], isTested: false }, NOW).map(
        ({ reason }) => reason,
      ),
    ).toEqual([
      why,
      why,
      'it is number 2 of the 2 newest',
      'it is the newest that counts',
      'it is suspect, and there are 0 newer ones that count, of 2 that are wanted',
    ]);
    const later = [shrunk(dumps[0]!, 's'), ...dumps.slice(1)];
    expect(applyRetention(later, { ...NO_PERIODS, keepLast: 2, destinations: [s3], isTested: false }, NOW)[0]).toEqual({
      name: dumps[0]!.manifest.name,
      action: 'delete',
      reason: 'it is suspect, and the 2 newest that count are kept',
    });
  });

  it('is frozen by a suspect dump behind one from a clock that was a little ahead, and by a bad test before that', () => {
    const dumps = daily(3);
    const suspect = shrunk(dumps[2]!, 's');
    const ahead = dumpAt(new Date(NOW.getTime() + 5 * HOUR));
    expect(whyFrozen([...dumps.slice(0, 2), suspect, ahead], NOW)?.by).toBe('shrink');
    const [bad, good] = [tested(dumps[2]!, 'bad'), tested(ahead, 'good')];
    expect(whyFrozen([...dumps.slice(0, 2), bad, good], NOW)?.by).toBe('restore-test');
    expect(whyFrozen([...dumps.slice(0, 2), tested(suspect, 'bad')], NOW)?.by).toBe('restore-test');
    expect(whyFrozen([...dumps.slice(0, 2), tested(suspect, 'good')], NOW)?.by).toBe('shrink');
  });

  it('never hurts, whatever lies in the folder', () => {
    let state = 11;
    const random = (below: number) => (state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647) % below;
    for (let i = 0; i < 3000; i += 1) {
      const times = new Set(Array.from({ length: random(12) }, () => NOW.getTime() + (random(400) - 370) * HOUR));
      const dumps = [...times]
        .sort((a, b) => a - b)
        .map((time) =>
          shrunk(
            tested(
              dumpAt(new Date(time), [{}, null, { bucket: 'old' }][random(3)], random(2) === 0 ? 'dumped' : 'adopted'),
              (['-', '-', 'good', 'could-not-tell', 'bad'] as const)[random(5)]!,
            ),
            '-----as'[random(7)]!,
          ),
        );
      const isBad = (dump: KnownDump) => dump.restoreTests.get('s3')?.result === 'bad';
      const isSuspect = (dump: KnownDump) => dump.manifest.suspect !== undefined && dump.acceptance === undefined;
      const keepLast = 1 + random(6);
      const destination = random(2) === 0 ? s3 : undefined;
      const verdicts = applyRetention(
        dumps,
        { ...NO_PERIODS, keepLast, destinations: destination === undefined ? [] : [destination], isTested: false },
        NOW,
      );

      expect(verdicts.map(({ name }) => name)).toEqual(dumps.map(({ manifest }) => manifest.name));
      const kept = verdicts.filter(({ action }) => action === 'keep');
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(keepLast, dumps.length));
      expect(verdicts.at(-1)?.action ?? 'keep').toBe('keep');
      expect(verdicts.every(({ reason }) => reason !== '')).toBe(true);
      const deleted = dumps.filter((_, index) => verdicts[index]?.action === 'delete');
      expect(dumps.slice(-keepLast).some((dump) => deleted.includes(dump))).toBe(false);
      const places =
        destination === undefined
          ? []
          : deleted.map(({ receipts }) => (receipts.get('s3') as S3Receipt | undefined)?.bucket);
      expect(places.every((bucket) => bucket === 'mine')).toBe(true);
      const isFromFuture = Math.max(...times) > NOW.getTime() + 24 * HOUR;
      expect(isFromFuture && deleted.length > 0).toBe(false);
      const counted = dumps.filter((dump) => !isBad(dump) && !isSuspect(dump));
      const soFar = counted.filter(({ manifest }) => Date.parse(manifest.takenAt) <= NOW.getTime());
      expect(soFar.slice(-keepLast).some((dump) => deleted.includes(dump))).toBe(false);
      const newest = dumps.findLast(({ manifest }) => Date.parse(manifest.takenAt) <= NOW.getTime()) ?? dumps.at(-1);
      expect(newest !== undefined && isSuspect(newest) && deleted.length > 0).toBe(false);
      expect(counted.slice(-keepLast).some((dump) => deleted.includes(dump))).toBe(false);
      const told = dumps.findLast((dump) => ['good', 'bad'].includes(dump.restoreTests.get('s3')?.result ?? ''));
      expect(told !== undefined && isBad(told) && deleted.length > 0).toBe(false);
      // What it lets go of, it lets go of at once: a second look finds nothing more.
      const rest = dumps.filter((_, index) => verdicts[index]?.action === 'keep');
      expect(
        applyRetention(
          rest,
          { ...NO_PERIODS, keepLast, destinations: destination === undefined ? [] : [destination], isTested: false },
          NOW,
        ).every(({ action }) => action === 'keep'),
      ).toBe(true);
    }
  });
});

describe('a dump that a restore test found GOOD', () => {
  const policy = { ...NO_PERIODS, keepLast: 1, destinations: [], isTested: true } as const;
  const actionsAfter = (results: readonly (RestoreTestResult | '-')[], isTested = true) =>
    applyRetention(
      daily(results.length).map((dump, index) => tested(dump, results[index] ?? '-')),
      { ...policy, isTested },
      NOW,
    ).map(({ action }) => action);

  it('is driven out by none that was not tested, nor by one of which nobody could tell', () => {
    expect(actionsAfter(['good', 'good', 'could-not-tell', '-', '-'])).toEqual([
      'delete',
      'keep',
      'delete',
      'delete',
      'keep',
    ]);
    expect(actionsAfter(['good', 'good', '-', 'good'])).toEqual(['delete', 'delete', 'delete', 'keep']);
  });

  it('goes by its number where restore tests are off', () => {
    expect(actionsAfter(['good', '-', '-'], false)).toEqual(['delete', 'delete', 'keep']);
  });

  it('is said to be that', () => {
    const dumps = daily(3).map((dump, index) => tested(dump, index === 0 ? 'good' : '-'));
    expect(applyRetention(dumps, policy, NOW)[0]).toEqual({
      name: dumps[0]?.manifest.name,
      action: 'keep',
      rule: 'good',
      reason: 'it is the newest that a restore test found GOOD',
    });
  });
});

describe('where no identity is there to decrypt', () => {
  const sealed = (dump: KnownDump, result: RestoreTestResult): KnownDump => {
    const test = tested(dump, result).restoreTests.get('s3')!;
    return { ...dump, restoreTests: new Map([['s3', { ...test, isSealed: true as const }]]) };
  };
  const keptOf = (dumps: readonly KnownDump[]): readonly string[] =>
    applyRetention(dumps, { ...NO_PERIODS, keepLast: 2, destinations: [], isTested: true }, NOW).map(
      ({ action }) => action,
    );

  it('the last GOOD one from before stays no longer than any, once a newer one was tested as far as it can be', () => {
    const [first, ...rest] = daily(4);
    const good = tested(first!, 'good');
    expect(keptOf([good, ...rest])).toEqual(['keep', 'delete', 'keep', 'keep']);
    expect(keptOf([good, ...rest.map((dump) => tested(dump, 'could-not-tell'))])[0]).toBe('keep');
    expect(keptOf([good, ...rest.map((dump) => sealed(dump, 'could-not-tell'))])[0]).toBe('delete');
  });

  it('a bad one ends its freeze with the next that is right, unless it was restored and bad', () => {
    const [first, second] = daily(2);
    const right = sealed(second!, 'could-not-tell');
    expect(whyFrozen([sealed(first!, 'bad')], NOW)?.by).toBe('restore-test');
    expect(whyFrozen([sealed(first!, 'bad'), second!], NOW)?.by).toBe('restore-test');
    expect(whyFrozen([sealed(first!, 'bad'), right], NOW)).toBeUndefined();
    expect(whyFrozen([tested(first!, 'bad'), right], NOW)?.by).toBe('restore-test');
  });
});

it('never deletes a pinned dump, and says why it is pinned; it counts like any other', () => {
  const pin = { version: 1, name: formatBackupName('shop', NOW), pinnedAt: NOW.toISOString() } as const;
  const [oldest, older, newer, newest] = daily(4) as [KnownDump, KnownDump, KnownDump, KnownDump];
  const dumps = [{ ...oldest, pin: { ...pin, reason: 'before the move' } }, older, { ...newer, pin }, newest];
  const policy = { ...NO_PERIODS, keepLast: 2, destinations: [], isTested: false };
  expect(applyRetention(dumps, policy, NOW).map((each) => [each.action, each.reason])).toEqual([
    ['keep', 'it is pinned: before the move'],
    ['delete', 'it is number 3, and the 2 newest are kept'],
    ['keep', 'it is pinned'],
    ['keep', 'it is the newest'],
  ]);
});
