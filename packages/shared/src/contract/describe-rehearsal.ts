import type { Rehearsal } from './restore-test.ts';

/** Says how the rehearsal of an upgrade went, a line each; nothing if there was none. */
export function describeRehearsal(rehearsal: Rehearsal | undefined): readonly string[] {
  if (rehearsal === undefined) return [];
  const { major, result, reason = 'no reason was recorded', findings, findingCount } = rehearsal;
  const upgrade = `upgrade to PostgreSQL ${major}`;
  if (result === 'not-made') return [`${upgrade}: not rehearsed: ${reason}`];
  if (result === 'survives') return [`${upgrade}: all of it survives`];
  const more = findingCount - findings.length;
  return [
    `${upgrade}: ${findingCount === 1 ? 'one thing' : `${findingCount} things`} would not survive`,
    ...findings.map((finding) => `${upgrade}: ${finding}`),
    ...(more > 0 ? [`${upgrade}: and ${more} more`] : []),
  ];
}
