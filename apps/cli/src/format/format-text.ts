import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { describeTarget } from '@pgstow/shared/contract/target.ts';
import { escapeCharacters } from '@pgstow/shared/runtime/log/escape-characters.ts';

/** Makes a target's name safe for a terminal: one with control characters, which a terminal would obey, becomes JSON. */
export function formatName(target: string): string {
  const name = describeTarget(target);
  const isPlain = !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name);
  return isPlain ? name : escapeCharacters(JSON.stringify(name), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu);
}

/** Formats a time as `2026-11-26 03:00:05`, in UTC. */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** Formats the age of a time as `3d 4h`, and one to come as `in 2h`. */
export function formatAge(time: Date, now: Date): string {
  const ms = now.getTime() - time.getTime();
  const text = describeDuration(Math.abs(ms));
  return ms < 0 ? `in ${text}` : text;
}
