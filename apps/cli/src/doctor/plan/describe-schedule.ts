import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import cronstrue from 'cronstrue';

/** Puts a schedule into words: `at 03:00, only on Monday (0 3 * * 1, Europe/Berlin)`, `every 7d`. */
export function describeSchedule(when: Schedule): string {
  if (when.kind === 'interval') return `every ${describeDuration(when.everyMs)}`;
  return `${describePattern(when.pattern)} (${when.pattern}, ${when.timeZone})`;
}

function describePattern(pattern: string): string {
  try {
    const words = cronstrue.toString(pattern, { use24HourTimeFormat: true });
    return words.charAt(0).toLowerCase() + words.slice(1);
  } catch {
    // The scheduler's parser knows more patterns than this library.
    return 'by the pattern';
  }
}

/** Formats a time as `Thu 2026-11-26 03:00` in a time zone. */
export function formatRun(run: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(run);
  const of = (wanted: Intl.DateTimeFormatPartTypes): string => parts.find(({ type }) => type === wanted)?.value ?? '';
  return `${of('weekday')} ${of('year')}-${of('month')}-${of('day')} ${of('hour')}:${of('minute')}`;
}
