import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { expect, it } from 'vitest';
import { manifestsAround } from './manifests-around.ts';

const nameAt = (minute: number) => formatBackupName('shop', new Date(minute * 60_000));
/** Newest first. */
const names = Array.from({ length: 10_000 }, (_, index) => nameAt(9999 - index));

it.each([
  ['of all', 9999.5, 9999, 9900],
  ['until a time between', 5000, 5000, 4901],
  ['until the first', 0, 5, 0],
])('the newest %s is found by some of the manifests, whatever there is', (_what, until, newest, oldest) => {
  const chosen = manifestsAround(new Date(until * 60_000))(names);
  expect(chosen).toContain(nameAt(newest));
  expect(chosen).toContain(nameAt(oldest));
  expect(chosen.length).toBeLessThan(110);
});

it('one that a wrong clock named ahead is among them', () => {
  expect(manifestsAround(new Date(10 * 60_000))(names)).toContain(nameAt(9999));
});

it('of a few, all are chosen', () => {
  const few = names.slice(0, 5);
  expect(manifestsAround(new Date(0))(few)).toEqual(few);
});
