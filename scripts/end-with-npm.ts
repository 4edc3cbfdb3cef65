/** Calls `end` when npm's shell has gone: npm sends SIGTERM to that shell, which dies without passing it on. */
export function endWithNpm(end: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && end(), 500).unref();
}
