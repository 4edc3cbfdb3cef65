/** What the programs that we start need, and what decides how our own lines look. */
const KEPT = new Set('PATH TMPDIR TZ TERM COLORTERM NO_COLOR FORCE_COLOR NODE_DISABLE_COLORS'.split(' '));

/**
 * Forgets the user's environment, in this process alone: no POSTGRES_HOST, PGSERVICE or AWS_PROFILE may lead the
 * quickstart to a server or a bucket that is not its own.
 *
 * @param home where programs look for settings from now on
 */
export function keepEnvironmentOut(home: string): void {
  for (const name of Object.keys(process.env)) {
    if (!KEPT.has(name)) delete process.env[name];
  }
  process.env['HOME'] = home;
}
