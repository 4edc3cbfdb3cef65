import prettyBytes from 'pretty-bytes';
import prettyMilliseconds from 'pretty-ms';

type Show = (percent: number, text: string) => void;

/** Lines are rarer where there is no terminal: each stays in the output. */
const LINE_EVERY_MS = 10_000;
const BAR_EVERY_MS = 200;
/** A rate measured earlier says nothing. */
const RATE_AFTER_MS = 1000;

/** Shows how far a transfer is, its rate and the time left: `12 MB of 430 MB, 34 MB/s, 12s left`. */
export function showTransfer(show: Show, what: string, totalBytes: number | undefined): (bytes: number) => void {
  const startedAt = performance.now();
  const everyMs = process.stdout.isTTY ? BAR_EVERY_MS : LINE_EVERY_MS;
  let shownAt = startedAt;
  show(0, what);
  return (bytes) => {
    const now = performance.now();
    if (now - shownAt < everyMs || now - startedAt < RATE_AFTER_MS) return;
    shownAt = now;
    const perMs = bytes / (now - startedAt);
    const rate = `${prettyBytes(perMs * 1000)}/s`;
    if (totalBytes === undefined) return show(0, `${what}: ${prettyBytes(bytes)}, ${rate}`);
    const leftSeconds = Math.ceil(Math.max(0, (totalBytes - bytes) / perMs / 1000));
    const left = prettyMilliseconds(leftSeconds * 1000, { unitCount: 2 });
    const percent = Math.min(99, (100 * bytes) / totalBytes);
    show(percent, `${what}: ${prettyBytes(bytes)} of ${prettyBytes(totalBytes)}, ${rate}, ${left} left`);
  };
}
