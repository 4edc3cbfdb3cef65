/**
 * Milliseconds after which a test stops waiting for something that hangs: two minutes, or `PGSTOW_TEST_DEADLINE_MS` on a
 * slower machine. It measures nothing.
 */
export const DEADLINE_MS = Number(process.env['PGSTOW_TEST_DEADLINE_MS'] || 120_000);

if (!(DEADLINE_MS > 0))
  throw new Error(`wanted PGSTOW_TEST_DEADLINE_MS in milliseconds, got ${process.env['PGSTOW_TEST_DEADLINE_MS']}`);
