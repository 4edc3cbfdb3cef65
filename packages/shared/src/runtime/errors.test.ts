import { expect, it } from 'vitest';
import { BusyError, describeError, PermanentError, RetryableError } from './errors.ts';

it('an operator reads the message and, on a line of its own, the hint', () => {
  expect(describeError(new PermanentError('no such bucket', { hint: 'Create it.' }))).toBe(
    'no such bucket\nhint: Create it.',
  );
  expect(describeError(new RetryableError('away'))).toBe('away');
  expect(describeError(new BusyError('taken', 1000))).toBe('taken');
});

it('an error without words says its code or its name', () => {
  expect(describeError(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
  expect(describeError(new RangeError())).toBe('RangeError');
  expect(describeError('shutdown')).toBe('shutdown');
  expect(describeError(undefined)).toBe('undefined');
});

it('the cause is kept', () => {
  const cause = new Error('x');
  expect(new RetryableError('y', { cause }).cause).toBe(cause);
});
