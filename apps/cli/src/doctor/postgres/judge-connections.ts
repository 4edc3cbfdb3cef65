import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { findingOf, type Finding } from '../check.ts';
import type { ConnectionFacts } from './session-facts.ts';

/** One for the dump, one for counting its rows in the same snapshot. */
const CONNECTIONS_NEEDED = 2;

/** Judges whether role and database may have the connections that a dump takes. A superuser has no limit. */
export function judgeConnections(
  subject: string,
  { role, isSuperuser, roleLimit, databaseLimit, roleUsed, databaseUsed }: ConnectionFacts,
): Finding {
  const { ok, warning, fault } = findingOf('postgres.connections', subject);
  const limits = [
    { limit: roleLimit, used: roleUsed, of: `role ${role}`, mend: `ALTER ROLE ${quoteIdentifier(role)}` },
    { limit: databaseLimit, used: databaseUsed, of: 'database', mend: `ALTER DATABASE ${quoteIdentifier(subject)}` },
  ].filter(({ limit }) => limit >= 0 && !isSuperuser);
  const small = limits.find(({ limit }) => limit < CONNECTIONS_NEEDED);
  if (small !== undefined)
    return fault(
      `the ${small.of} may have ${small.limit} connection${small.limit === 1 ? '' : 's'} at a time, and a dump needs ${CONNECTIONS_NEEDED}`,
      `${small.mend} CONNECTION LIMIT 5;`,
    );
  const busy = limits.find(({ limit, used }) => limit - used < CONNECTIONS_NEEDED);
  if (busy !== undefined)
    return warning(
      `of the ${busy.limit} connections that the ${busy.of} may have, ${busy.used} are in use now, and a dump needs ${CONNECTIONS_NEEDED}`,
      `${busy.mend} CONNECTION LIMIT ${busy.limit + 5};`,
    );
  return ok(limits.length === 0 ? 'no limit of its own for connections' : 'enough connections are allowed for a dump');
}
