import { expect, test } from 'vitest';
import { withoutPublicPath } from './public-path.ts';

test.each([
  ['/pgstow', '/'],
  ['/pgstow/', '/'],
  ['/pgstow?said=old', '/?said=old'],
  ['/pgstow/?said=old', '/?said=old'],
  ['/pgstow/queues/api/queues?page=1', '/queues/api/queues?page=1'],
  ['/', '/'],
  ['/queues', '/queues'],
  ['/pgstowed/queues', '/pgstowed/queues'],
  ['/queues/pgstow/', '/queues/pgstow/'],
])('of %s stays %s', (url, expected) => {
  expect(withoutPublicPath(url, '/pgstow')).toBe(expected);
});

test('all of it stays where the board has the whole host name', () => {
  expect(withoutPublicPath('//queues', '')).toBe('//queues');
});
