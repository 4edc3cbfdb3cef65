import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import type { DumpRights, Lacking } from '@pgstow/postgres/dump/read-dump-rights.ts';
import { findingOf, type Finding } from '../check.ts';

type Circumstances = {
  readonly isStandby: boolean;
  /** Whether POSTGRES_EXTRA_OPTS leaves something out of the dump. */
  readonly isLimited: boolean;
};

/** Finds what a role may not read in a database, and the statement that mends it. */
export function judgeRights(
  subject: string,
  { role, schemas, tables, sequences, rowSecurity, largeObjects, foreignTables, unloggedTables }: DumpRights,
  { isStandby, isLimited }: Circumstances,
): readonly Finding[] {
  const grantee = quoteIdentifier(role);
  const readAll = `Or for all there is and will be, on PostgreSQL 14 or newer: GRANT pg_read_all_data TO ${grantee};`;
  const grantOn = (right: string, { first }: Lacking): string => `GRANT ${right} ${first.join(', ')} TO ${grantee};`;
  const found: Finding[] = [];
  const judge = (check: Finding['check'], what: string, lacking: Lacking, grant: string, rest?: string): void => {
    if (lacking.count === 0) return;
    const { warning, fault } = findingOf(check, subject);
    const unless = isLimited ? '; a dump fails by it unless POSTGRES_EXTRA_OPTS leaves it out' : '';
    const hint = rest === undefined ? grant : `${grant}\n${rest}`;
    found.push((isLimited ? warning : fault)(`${role} ${what} ${describe(lacking)}${unless}`, hint));
  };
  judge('postgres.rights', 'may not enter the schema', schemas, grantOn('USAGE ON SCHEMA', schemas), readAll);
  judge('postgres.rights', 'may not read the table', tables, grantOn('SELECT ON TABLE', tables), readAll);
  judge('postgres.rights', 'may not read the sequence', sequences, grantOn('SELECT ON SEQUENCE', sequences), readAll);
  const someRows = 'would be shown only some rows, by row-level security, of';
  judge('postgres.row-security', someRows, rowSecurity, `ALTER ROLE ${grantee} BYPASSRLS;`);
  const ofLargeObjects = grantOn('SELECT ON LARGE OBJECT', largeObjects);
  const orOwner = 'Or let a role dump that owns them.';
  judge('postgres.large-objects', 'may not read the large object', largeObjects, ofLargeObjects, orOwner);
  if (found.length === 0)
    found.push(
      findingOf('postgres.rights', subject).ok(`${role} may read every table, row, sequence and large object`),
    );
  const { warning } = findingOf('postgres.tables', subject);
  if (foreignTables.count > 0)
    found.push(
      warning(
        `the rows of a foreign table are in no dump: ${describe(foreignTables)}`,
        'Back them up where they are; to have them in the dump as well, set POSTGRES_EXTRA_OPTS=--include-foreign-data=SERVER.',
      ),
    );
  if (isStandby && unloggedTables.count > 0)
    found.push(
      warning(
        `the server is a standby, where the rows of an unlogged table cannot be read: ${describe(unloggedTables)}`,
        'Dump from the primary server, or ALTER TABLE ... SET LOGGED there.',
      ),
    );
  return found;
}

function describe({ count, first }: Lacking): string {
  const others = count - first.length;
  return `${first.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
