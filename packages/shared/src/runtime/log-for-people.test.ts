import { expect, it } from 'vitest';
import { forPeople } from './log-for-people.ts';

const format = forPeople({ hasColors: false });
const line = (more: object) => JSON.stringify({ level: 50, time: 0, pid: 1, process: 'dump-worker', ...more });

it('a line of a log says what happened, of which backup, and below it why', () => {
  expect(format(line({ msg: 'job failed', name: 'NAME', err: 'no room\n  hint: free some', job: '7' }))).toMatch(
    /^\[\d\d:\d\d:\d\d\] ERROR: dump-worker {3}job failed \(NAME\)\n {4}no room\n {4}hint: free some \{"job":"7"\}\n$/,
  );
});

it('a terminal is given nothing to obey, and no line looks like another event', () => {
  const shown = format(
    line({ msg: 'a\u001B[2Jb\n[00:00:00] INFO: c', err: '\u001B]0;d\u0007\u202E', target: '\u001B[31m' }),
  );
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  expect(shown).toContain('a\\u001b[2Jb\n    [00:00:00] INFO: c\n    \\u001b]0;d\\u0007\\u202e');
});

it.each(['{no JSON', 'text', ''])('%j, which is no event, stays as it is', (text) => {
  expect(format(text).trimEnd()).toBe(text);
});
