import prettyMilliseconds from 'pretty-ms';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A time span for people, in its two largest units: `3d 4h`, `2h 5m`, `12s`. */
export function describeDuration(ms: number): string {
  if (ms < SECOND_MS) return '0s';
  const unit = ms >= DAY_MS ? HOUR_MS : ms >= HOUR_MS ? MINUTE_MS : SECOND_MS;
  return prettyMilliseconds(Math.floor(ms / unit) * unit, { unitCount: 2, secondsDecimalDigits: 0 });
}
