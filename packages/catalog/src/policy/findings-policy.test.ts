import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { FindingsAcceptance } from '@pgstow/shared/contract/findings-acceptance.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { describe, expect, it } from 'vitest';
import { acceptedFindingsOf, applyAcceptances } from './findings-policy.ts';

const takenAt = new Date('2026-11-01T03:00:00Z');
const [production, staging] = ['1', '2'].map((systemIdentifier): SourceIdentity => ({
  systemIdentifier,
  databaseOid: 16_384,
  address: 'db:5432',
  startedAt: '2026-11-01T00:00:00.000000Z',
})) as [SourceIdentity, SourceIdentity];

/** Keys are told apart by one letter here. */
const key = (letter: string) => letter.repeat(16);
const acceptance = (
  letters: string,
  more: Partial<FindingsAcceptance> & { readonly acceptedAt?: string; readonly reason?: string } = {},
): FindingsAcceptance => {
  const { acceptedAt = '2026-11-05T10:00:00.000Z', reason = 'it is known', ...rest } = more;
  const findings = letters.split('').map((letter) => ({ key: key(letter) }));
  return {
    version: 1,
    name: formatBackupName('shop', takenAt),
    words: [{ acceptedAt, reason, findings }],
    ...rest,
  };
};
const bad = (letters: string, more: Partial<RestoreTest> = {}): RestoreTest => ({
  version: 1,
  name: formatBackupName('shop', new Date('2026-11-08T03:00:00Z')),
  destination: 's3',
  sha256: 'a'.repeat(64),
  result: 'bad',
  reason: `${letters[0]} is missing, and ${letters.length - 1} more differences`,
  differences: letters.split('').map((letter) => `${letter} is missing`),
  differenceCount: letters.length,
  findings: letters.split('').map(key),
  notes: ['the disk is slow'],
  testedAt: '2026-11-08T04:00:00.000Z',
  durationMs: 1,
  ...more,
});
const judge = (test: RestoreTest, ...acceptances: readonly FindingsAcceptance[]) =>
  applyAcceptances(test, acceptedFindingsOf({ manifest: { database: 'shop' } }, acceptances));

describe('a bad restore test', () => {
  it('is good once all that it found is accepted, in whatever order', () => {
    const later = acceptance('b', { acceptedAt: '2026-11-06T10:00:00.000Z', reason: 'so what' });
    const test = judge(bad('ab'), later, acceptance('a'));
    expect(test).toEqual({
      ...bad('ab'),
      result: 'good',
      reason: undefined,
      differences: [],
      differenceCount: 0,
      findings: undefined,
      acceptedAt: '2026-11-06T10:00:00.000Z',
      notes: [
        'the disk is slow',
        'accepted on 2026-11-05 (it is known): a is missing',
        'accepted on 2026-11-06 (so what): b is missing',
      ],
    });
    expect(judge(test, acceptance('a'))).toBe(test);
  });

  it('is bad for what is not accepted, and has a note of what is', () => {
    expect(judge(bad('abcd'), acceptance('ac'))).toMatchObject({
      result: 'bad',
      reason: 'b is missing, and 1 more differences',
      differences: ['b is missing', 'd is missing'],
      differenceCount: 2,
      findings: [key('b'), key('d')],
      notes: ['the disk is slow', expect.stringMatching(/a is missing$/), expect.stringMatching(/c is missing$/)],
    });
  });

  it.each([
    ['another finding was accepted', bad('a'), acceptance('b')],
    ['it was accepted of another database', bad('a'), acceptance('a', { name: formatBackupName('crm', takenAt) })],
    ['the dump does not restore', bad('', { reason: 'it does not restore', findings: undefined }), acceptance('a')],
    ['an earlier version tested it', bad('a', { findings: undefined }), acceptance('a')],
  ])('stays as it is where %s', (_what, test, accepted) => {
    expect(judge(test, accepted)).toBe(test);
  });

  it('comes to no verdict once all is accepted, if an own check could not be run', () => {
    const test = bad('a', { unchecked: ['check "x" cannot be run: y', 'check "z" cannot be run: y'] });
    expect(judge(test, acceptance('a'))).toMatchObject({
      result: 'could-not-tell',
      reason: 'check "x" cannot be run: y, and 1 more checks',
      differenceCount: 0,
    });
  });

  it('keeps the findings apart that its record holds no sentence for, and counts them', () => {
    const test = bad('abc', { differences: ['a is missing'] });
    expect(judge(test, acceptance('ab'))).toMatchObject({
      result: 'bad',
      reason: 'it differs from its manifest',
      differences: [],
      differenceCount: 1,
      notes: expect.arrayContaining(['accepted as well: 1 more']) as string[],
    });
    expect(judge(test, acceptance('abc'))).toMatchObject({ result: 'good', differenceCount: 0 });
    // A record names only some of very many findings, and the others cannot be accepted.
    expect(judge(bad('abc', { differenceCount: 4 }), acceptance('abc'))).toMatchObject({
      result: 'bad',
      differenceCount: 1,
    });
  });
});

describe('what was accepted of a source', () => {
  const of = (manifest: Parameters<typeof acceptedFindingsOf>[0]['manifest'], isAccepted = false) =>
    acceptedFindingsOf({ manifest, acceptance: isAccepted ? { acceptedAt: '2026-11-05T10:00:00.000Z' } : undefined }, [
      acceptance('a', { identity: production }),
    ]).size;
  const database = 'shop';

  it('holds for its dumps and those of a source that follows it, not for those of another one', () => {
    expect(of({ database, identity: production })).toBe(1);
    expect(of({ database, identity: staging })).toBe(0);
    expect(of({ database, identity: staging, formerSources: [production] })).toBe(1);
    expect(of({ database })).toBe(1);
  });

  it('holds for the first dump of another source only once a person has said that it follows', () => {
    const first = { database, identity: staging, formerSources: [production], suspect: { otherSource: production } };
    expect([of(first), of(first, true)]).toEqual([0, 1]);
  });
});
