import { expect, it } from 'vitest';
import { readConfig } from '../read-config.ts';
import { defineSubject } from '../subject.ts';
import { buildKeep, keepVariables } from './keep-variables.ts';

const place = defineSubject({
  title: 'A place',
  variables: keepVariables('COPY'),
  build: (values) => buildKeep('COPY', values),
});
const read = (env: Readonly<Record<string, string>>) => readConfig(env, { place }, [place]).config.place;
const NONE = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

it.each([
  ['nothing', {}, undefined],
  // A zero asks for nothing to stay, and must not delete all but one.
  ['zeros alone', { COPY_KEEP_DAILY: '0', COPY_KEEP_YEARLY: '0' }, undefined],
  ['a number of newest ones', { COPY_KEEP_LAST: '3' }, { keepLast: 3, keepPeriods: NONE }],
  ['periods', { COPY_KEEP_DAILY: '7', COPY_KEEP_WEEKLY: '0' }, { keepLast: 1, keepPeriods: { ...NONE, daily: 7 } }],
] as const)('a destination of which %s is set', (_, env, keep) => {
  expect(read(env)).toEqual(keep);
});

it('takes no number of newest ones below one', () => {
  expect(() => read({ COPY_KEEP_LAST: '0' })).toThrow('COPY_KEEP_LAST: expected a number from 1 to 1000000, got "0"');
});
