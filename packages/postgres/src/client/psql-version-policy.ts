/** First release of each major version whose psql runs no shell command in a dump's `\unrestrict`. */
const SAFE_SINCE: Readonly<Record<number, number>> = { 18: 6, 17: 11, 16: 15, 15: 19, 14: 24 };
/** First release of each major version whose psql knows `\restrict`. */
const RESTRICTS_SINCE: Readonly<Record<number, number>> = { 17: 6, 16: 10, 15: 14, 14: 19, 13: 22 };

export type PsqlJudgement = {
  /** Whether it knows `\restrict`, with which dumps begin since the releases of August 2025. */
  readonly knowsRestrict: boolean;
  /** A sentence that says why it should be replaced, if it should. */
  readonly warning: string | undefined;
};

/**
 * Judges a psql by its version, as in `15.18`.
 *
 * Sources: https://www.postgresql.org/support/security/CVE-2026-18408/ and
 * https://www.postgresql.org/support/security/CVE-2025-8714/
 */
export function judgePsql(version: string): PsqlJudgement {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const isSafe = major > 18 || minor >= (SAFE_SINCE[major] ?? Infinity);
  const safe = SAFE_SINCE[major];
  return {
    knowsRestrict: major > 17 || minor >= (RESTRICTS_SINCE[major] ?? Infinity),
    warning: isSafe
      ? undefined
      : `psql ${version} has a known fault, by which a dump from a server that is not to be trusted can run commands on this machine (CVE-2026-18408); ${safe === undefined ? 'use psql 14.24 or a newer one' : `${major}.${safe} has it mended`}.`,
  };
}
