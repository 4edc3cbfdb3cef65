import { expect, it } from 'vitest';
import { forPeople } from './log-for-people.ts';

const shown = (line: object): string =>
  forPeople({ hasColors: false })(JSON.stringify({ level: 40, time: 0, pid: 1, process: 'dump-worker', ...line }));

it('says when, which process, what, of which backup, what else, and why, below it', () => {
  expect(shown({ msg: 'failed', name: 'backup_a', attempt: 2, err: 'no: a\n  hint: b' })).toMatch(
    /^\[\d\d:\d\d:\d\d\] WARN: dump-worker {3}failed \(backup_a\) \{"attempt":2\}\n {4}no: a\n {4}hint: b\n$/,
  );
});

it('gives a terminal nothing to obey, and no line that looks like another event', () => {
  const text = shown({ msg: 'a\u001B[2Jb\n[00:00:00] INFO: c', err: 'd\u009B2Je\rf\u202E', detail: '\u001B[1m' });
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  expect(text).toContain(String.raw`a\u001b[2Jb {"detail":"\u001b[1m"}`);
  expect(text).toContain(`\n    [00:00:00] INFO: c\n    ${String.raw`d\u009b2Je\u000df\u202e`}\n`);
});

it.each(['{no JSON', 'text', ''])('%j, which is no event, stays as it is', (text) => {
  expect(forPeople({ hasColors: false })(text).trimEnd()).toBe(text);
});
