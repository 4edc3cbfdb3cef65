import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import { expect, it } from 'vitest';
import type { WantedDump } from './find-wanted-dump.ts';
import { concludeTest, judgeCompared } from './judge-test.ts';

const name = formatBackupName('shop', new Date('2026-11-08T03:00:00Z'));
const wanted = { manifest: { name, sha256: 'a'.repeat(64) }, destination: 's3' } as WantedDump;
const keyOf = (index: number) => index.toString(16).padStart(16, '0');

function judge(findings: readonly Finding[], accepted: readonly number[] = [], unchecked: readonly string[] = []) {
  const measured = { restoreMs: 1, tables: 1, rows: 1, serverVersion: '15.1', checks: undefined };
  const compared = { findings, notes: [], unchecked, ...measured };
  const word = { acceptedAt: '2026-11-05T10:00:00.000Z', reason: 'it is known' };
  const words = new Map(accepted.map((index) => [keyOf(index), word]));
  return concludeTest(judgeCompared(wanted, compared, words, 1));
}

it('names the first of very many differences, those that nobody accepted, and all findings by their keys', () => {
  const findings = Array.from({ length: 300 }, (_, index) => ({ key: keyOf(index), difference: `table ${index}` }));
  const accepted = Array.from({ length: 150 }, (_, index) => index);
  const { test, failure } = judge(findings, accepted);
  expect(test).toMatchObject({ result: 'bad', differenceCount: 150, reason: 'table 150, and 149 more differences' });
  expect(test.differences).toHaveLength(100);
  expect(test.findings).toHaveLength(150);
  expect([test.differences[99], test.findings?.[99]]).toEqual(['table 249', keyOf(249)]);
  expect(failure?.message).toContain('table 150');
  expect(failure?.hint).toContain(`pgstow accept ${name}`);
  expect(failure?.facts).not.toMatchObject({ findings: expect.anything() as unknown });
});

it('is good, with notes and without an error, where all of it was accepted', () => {
  const { test, failure } = judge([{ key: keyOf(1), difference: 'view public.v is missing' }], [1]);
  expect(failure).toBeUndefined();
  expect(test).toMatchObject({
    result: 'good',
    differences: [],
    differenceCount: 0,
    notes: ['accepted on 2026-11-05 (it is known): view public.v is missing'],
    acceptedAt: '2026-11-05T10:00:00.000Z',
  });
});

it('comes to no verdict where all of it was accepted, and an own check could not be run', () => {
  const { test, failure } = judge(
    [{ key: keyOf(1), difference: 'view public.v is missing' }],
    [1],
    ['check "x" hangs'],
  );
  expect(test).toMatchObject({ result: 'could-not-tell', reason: 'check "x" hangs', differences: [] });
  expect(failure?.message).toMatch(/^COULD NOT TELL/);
});
