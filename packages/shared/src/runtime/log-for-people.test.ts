import { expect, it } from 'vitest';
import { forPeople } from './log-for-people.ts';

const shown = (line: object): string =>
  forPeople({ hasColors: false })(JSON.stringify({ level: 40, time: 0, pid: 1, process: 'dump-worker', ...line }));

it('says when, which process, what, of which backup, what else, and why, below it', () => {
  expect(shown({ msg: 'failed', name: 'backup_a', attempt: 2, err: 'no: a\n  hint: b' })).toMatch(
    /^\[\d\d:\d\d:\d\d\] WARN: dump-worker {3}failed \(backup_a\) \{"attempt":2\}\n {4}no: a\n {4}hint: b\n$/,
  );
});

it('shows what a terminal would obey', () => {
  const text = shown({ msg: 'a\u001B[2Jb', err: 'c\u009B2Jd\re', detail: '\u001B[1m' });
  expect(text).toContain(String.raw`a\u001b[2Jb`);
  expect(text).toContain(String.raw`c\u009b2Jd\u000de`);
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
});

it('leaves text that is no line of a log as it is', () => {
  expect(forPeople({ hasColors: false })('no JSON')).toContain('no JSON');
});
