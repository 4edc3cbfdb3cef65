/** Variables that our programs need, and that decide how our lines look. */
const KEPT = new Set('PATH TMPDIR TZ TERM COLORTERM NO_COLOR FORCE_COLOR NODE_DISABLE_COLORS'.split(' '));

/**
 * Forgets the user's environment, in this process alone: no POSTGRES_HOST, PGSERVICE or AWS_PROFILE may lead the quickstart to a
 * server or a bucket that is not its own.
 *
 * @param home folder in which programs then look for settings
 */
export function keepEnvironmentOut(home: string): void {
  for (const name of Object.keys(process.env)) {
    if (!KEPT.has(name)) delete process.env[name];
  }
  process.env['HOME'] = home;
}
