import { describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import { formatBackupName } from './backup-name.ts';
import {
  catchUpJobId,
  firstJobId,
  isScheduleId,
  newerVersionOf,
  parseJobData,
  scheduleId,
  targetOfJob,
  uploadJobId,
  verifyJobId,
  verifyScheduleId,
} from './jobs.ts';
import { scopeOf } from './scope.ts';

const name = formatBackupName('shop', new Date('2026-03-01T04:05:06Z'));

describe('what a job carries', () => {
  it('is the names alone', () => {
    expect(parseJobData('dump', { target: 'my db' })).toEqual({ target: 'my db' });
    expect(parseJobData('upload', { name, destination: 's3' })).toEqual({ name, destination: 's3' });
  });

  it('names the server, unless it is that of stack.env', () => {
    expect(parseJobData('dump', { target: 'shop', server: 'prod' })).toEqual({ target: 'shop', server: 'prod' });
    expect(targetOfJob('upload', { name, destination: 's3', server: 'prod' })).toEqual({
      server: 'prod',
      database: 'shop',
    });
    for (const server of ['', 'default', 'a/b', 'a:b', '../x', '-a', 'A', 'a'.repeat(33), 7])
      expect(() => parseJobData('dump', { target: 'shop', server })).toThrow(ZodError);
  });

  it('may say that it is of version 1, as the data without a version is', () => {
    expect(parseJobData('dump', { version: 1, target: 'shop' })).toEqual({ target: 'shop' });
    expect(parseJobData('verify', { version: 1, target: 'shop', destination: 's3' })).toEqual({
      target: 'shop',
      destination: 's3',
    });
    expect(newerVersionOf({ version: 1, target: 'shop' })).toBeUndefined();
    expect(newerVersionOf({ target: 'shop' })).toBeUndefined();
  });

  it('is told apart where a newer version wrote it, whatever else is in it', () => {
    expect(newerVersionOf({ version: 2, targets: ['shop'] })).toBe(2);
    for (const data of [{ version: 0 }, { version: '2' }, { version: 1.5 }, { version: [2] }, { v: 2 }, [2], null, 7])
      expect(newerVersionOf(data)).toBeUndefined();
  });

  it('may name a database as oddly as PostgreSQL allows', () => {
    for (const target of ['__proto__', '../../etc/passwd', 'host=evil dbname=x', '--file=/x', 'a\nb', 'ü'.repeat(31)])
      expect(parseJobData('dump', { target })).toEqual({ target });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['a string', 'shop'],
    ['a list', ['shop']],
    ['no target', {}],
    ['an empty target', { target: '' }],
    ['a number as target', { target: 7 }],
    ['a list as target', { target: ['shop'] }],
    ['an object as target', { target: { toString: 'shop' } }],
    ['a target of 10 kB', { target: 'a'.repeat(10_000) }],
    ['a target of 64 bytes', { target: 'ü'.repeat(32) }],
    ['a NUL', { target: 'a\0b' }],
    ['half a surrogate pair', { target: 'a\uD800' }],
    ['an extra field', { target: 'shop', password: 'x' }],
    ['__proto__ as a field', JSON.parse('{"target":"shop","__proto__":{"target":"x"}}')],
    ['__proto__ instead of the field', JSON.parse('{"__proto__":{"target":"shop"}}')],
  ])('a dump job with %s is refused', (_what, data) => {
    expect(() => parseJobData('dump', data)).toThrow(ZodError);
  });

  it.each<[string, unknown]>([
    ['no name', { destination: 's3' }],
    ['no destination', { name }],
    ['a path behind the name', { name: `${name}/../../x`, destination: 's3' }],
    ['a path as name', { name: '../../etc/passwd', destination: 's3' }],
    ['a line end behind the name', { name: `${name}\n`, destination: 's3' }],
    ['a manifest', { name: `${name}.manifest.json`, destination: 's3' }],
    ['a path as destination', { name, destination: '../x' }],
    ['an empty destination', { name, destination: '' }],
    ['a destination of 17 characters', { name, destination: 'd'.repeat(17) }],
    ['a bucket', { name, destination: 's3', bucket: 'mine' }],
  ])('an upload job with %s is refused', (_what, data) => {
    expect(() => parseJobData('upload', data)).toThrow(ZodError);
  });
});

describe('ids', () => {
  it('tell targets and dumps apart, whatever they are called, and hold no colon (BullMQ takes those for its own)', () => {
    const targets = ['a', 'a.1', 'a:1', 'a b', 'a%20b', 'ä', '1', '../x', '"'];
    const servers = [undefined, 'a', 'b', '1'];
    for (const id of [
      scheduleId,
      verifyScheduleId,
      (target: string, server?: string) => firstJobId(target, 1, server),
      (target: string, server?: string) => catchUpJobId(target, 1, server),
    ]) {
      const ids = servers.flatMap((server) => targets.map((target) => id(target, server)));
      expect(new Set(ids).size).toBe(servers.length * targets.length);
      for (const each of ids) expect(each).toMatch(/^[^:]+$/);
    }
    for (const target of targets) {
      expect(isScheduleId(scheduleId(target, 'b'), 'b') && isScheduleId(scheduleId(target))).toBe(true);
      expect(isScheduleId(scheduleId(target, 'b')) || isScheduleId(scheduleId(target), 'b')).toBe(false);
    }
    const uploads = [uploadJobId(name, 's3'), uploadJobId(name, 's4'), uploadJobId(name, 's3', 's4')];
    expect(new Set(uploads).size).toBe(3);
  });

  it('of the server of stack.env are as they were before there were others', () => {
    expect([scheduleId('a b'), verifyScheduleId('a b'), uploadJobId(name, 's3'), verifyJobId(name, 's3')]).toEqual([
      'dump.a%20b',
      'verify.a%20b',
      `upload.${name}.s3`,
      `verify.${name}.s3`,
    ]);
    expect([firstJobId('a', 1), catchUpJobId('a', 1), scopeOf('default', undefined)]).toEqual([
      'first.a.1',
      'catch-up.a.1',
      'default',
    ]);
  });
});
