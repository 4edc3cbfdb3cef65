import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';

/** A name as it may be shown on a terminal: one that holds control characters, which a terminal would obey, as JSON. */
export function formatName(name: string): string {
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)
    ? JSON.stringify(name).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
        return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
      })
    : name;
}

/** `2026-11-26 03:00:05`, in UTC. */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** How long before `now`: `3d 4h`; `in 2h` for what is to come. */
export function formatAge(time: Date, now: Date): string {
  const ms = now.getTime() - time.getTime();
  const text = describeDuration(Math.abs(ms));
  return ms < 0 ? `in ${text}` : text;
}
