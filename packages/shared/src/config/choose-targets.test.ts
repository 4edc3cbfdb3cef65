import { expect, test } from 'vitest';
import { GLOBALS } from '../contract/target.ts';
import { chooseTargets } from './choose-targets.ts';

const targets = ['shop', 'my db'];

test('who names no target means all of them', () => {
  expect(chooseTargets([], targets)).toEqual(['shop', 'my db']);
});

test('a target named twice is one target', () => {
  expect(chooseTargets(['my db', 'my db'], targets)).toEqual(['my db']);
});

test('a name that is not configured is refused with those that are', () => {
  expect(() => chooseTargets(['shop', '../x'], targets)).toThrow(
    'expected a configured database ("shop", "my db"), got "../x"',
  );
});

test('the globals are named so, unless a database has that name', () => {
  expect(chooseTargets(['globals'], ['shop', GLOBALS])).toEqual([GLOBALS]);
  expect(chooseTargets(['globals'], ['globals', GLOBALS])).toEqual(['globals']);
  expect(() => chooseTargets(['globals'], targets)).toThrow('got "globals"');
  expect(() => chooseTargets(['x'], [GLOBALS])).toThrow('expected a configured database ("globals"), got "x"');
});
