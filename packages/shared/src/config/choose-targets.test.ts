import { expect, test } from 'vitest';
import { chooseTargets } from './choose-targets.ts';
import type { PostgresConfig } from './subjects/postgres.ts';

const config = { databases: ['shop', 'my db'] } as unknown as PostgresConfig;

test('who names no target means all of them', () => {
  expect(chooseTargets([], config)).toEqual(['shop', 'my db']);
});

test('a target named twice is one target', () => {
  expect(chooseTargets(['my db', 'my db'], config)).toEqual(['my db']);
});

test('a name that is not configured is refused with those that are', () => {
  expect(() => chooseTargets(['shop', '../x'], config)).toThrow(
    'expected a configured database ("shop", "my db"), got "../x"',
  );
});
