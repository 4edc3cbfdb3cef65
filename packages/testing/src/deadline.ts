/**
 * How long a test waits, in milliseconds, before what it waits for counts as hanging: two minutes, or what
 * `PGSTOW_TEST_DEADLINE_MS` says for a slower machine. Nothing is measured by it.
 */
export const DEADLINE_MS = Number(process.env['PGSTOW_TEST_DEADLINE_MS'] || 120_000);

if (!(DEADLINE_MS > 0))
  throw new Error(`wanted PGSTOW_TEST_DEADLINE_MS in milliseconds, got ${process.env['PGSTOW_TEST_DEADLINE_MS']}`);
