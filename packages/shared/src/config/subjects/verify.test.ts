import { describe, expect, it } from 'vitest';
import { readConfig } from '../read-config.ts';
import { verify } from './verify.ts';

const read = (env: Record<string, string>) => readConfig(env, { verify }, [verify]).config.verify;

describe('the schedule of restore tests', () => {
  it('is after each upload unless said otherwise', () => {
    expect(read({}).schedule).toEqual({ kind: 'after-upload' });
    expect(read({ VERIFY_SCHEDULE: 'off' }).schedule).toEqual({ kind: 'off' });
  });

  it('may be a cron pattern, in the time zone of the other one', () => {
    expect(read({ VERIFY_SCHEDULE: '0 5 * * 0', TZ: ':Europe/Berlin' }).schedule).toEqual({
      kind: 'cron',
      pattern: '0 5 * * 0',
      timeZone: 'Europe/Berlin',
    });
  });

  it('is refused in words that say what else it may be', () => {
    expect(() => read({ VERIFY_SCHEDULE: 'after-upoad' })).toThrow(
      /VERIFY_SCHEDULE: expected after-upload, off, or a cron pattern such as/,
    );
    expect(() => read({ VERIFY_SCHEDULE: '0 5 * * 0', TZ: 'Mars' })).toThrow(/TZ: expected a time zone/);
  });
});

it('an upgrade is rehearsed into a major version, and checks lie in a file', () => {
  expect(read({})).toMatchObject({ rehearseMajor: undefined, checksFile: undefined });
  const set = read({ VERIFY_REHEARSE: '18', VERIFY_CHECKS: '/checks/checks.sql' });
  expect(set).toMatchObject({ rehearseMajor: 18, checksFile: '/checks/checks.sql' });
  expect(() => read({ VERIFY_REHEARSE: 'next' })).toThrow('VERIFY_REHEARSE: expected a major version of PostgreSQL');
  expect(() => read({ VERIFY_CHECKS: 'checks.sql' })).toThrow('VERIFY_CHECKS: expected an absolute path');
});

it('limits are given in MiB and GiB', () => {
  const { diskBytes, memoryBytes, exactUpToBytes } = read({
    VERIFY_DISK_LIMIT: '3',
    VERIFY_MEMORY_LIMIT: '256',
    VERIFY_SOURCE_COUNTS_LIMIT: '2',
  });
  expect({ diskBytes, memoryBytes, exactUpToBytes }).toEqual({
    diskBytes: 3 * 1024 ** 2,
    memoryBytes: 256 * 1024 ** 2,
    exactUpToBytes: 2 * 1024 ** 3,
  });
});
