import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import type { DumpRights, Lacking } from '@pgstow/postgres/dump/read-dump-rights.ts';
import type { Finding } from '../check.ts';

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
  const lacking = (check: Finding['check'], what: string, found: Lacking, grant: string, rest?: string): Finding[] => {
    if (found.count === 0) return [];
    const unless = isLimited ? '; a dump fails by it unless POSTGRES_EXTRA_OPTS leaves it out' : '';
    return [
      {
        check,
        subject,
        status: isLimited ? 'warning' : 'fault',
        message: `${role} ${what} ${describe(found)}${unless}`,
        hint: rest === undefined ? grant : `${grant}\n${rest}`,
      },
    ];
  };
  const on = (found: Lacking): string => found.first.join(', ');
  const found = [
    ...lacking(
      'postgres.rights',
      'may not enter the schema',
      schemas,
      `GRANT USAGE ON SCHEMA ${on(schemas)} TO ${grantee};`,
      readAll,
    ),
    ...lacking(
      'postgres.rights',
      'may not read the table',
      tables,
      `GRANT SELECT ON TABLE ${on(tables)} TO ${grantee};`,
      readAll,
    ),
    ...lacking(
      'postgres.rights',
      'may not read the sequence',
      sequences,
      `GRANT SELECT ON SEQUENCE ${on(sequences)} TO ${grantee};`,
      readAll,
    ),
    ...lacking(
      'postgres.row-security',
      'would be shown only some rows, by row-level security, of',
      rowSecurity,
      `ALTER ROLE ${grantee} BYPASSRLS;`,
    ),
    ...lacking(
      'postgres.large-objects',
      'may not read the large object',
      largeObjects,
      `GRANT SELECT ON LARGE OBJECT ${on(largeObjects)} TO ${grantee};`,
      'Or let a role dump that owns them.',
    ),
  ];
  if (found.length === 0) {
    const message = `${role} may read every table, row, sequence and large object`;
    found.push({ check: 'postgres.rights', subject, status: 'ok', message });
  }
  if (foreignTables.count > 0) {
    found.push({
      check: 'postgres.tables',
      subject,
      status: 'warning',
      message: `the rows of a foreign table are in no dump: ${describe(foreignTables)}`,
      hint: 'Back them up where they are; to have them in the dump as well, set POSTGRES_EXTRA_OPTS=--include-foreign-data=SERVER.',
    });
  }
  if (isStandby && unloggedTables.count > 0) {
    found.push({
      check: 'postgres.tables',
      subject,
      status: 'warning',
      message: `the server is a standby, where the rows of an unlogged table cannot be read: ${describe(unloggedTables)}`,
      hint: 'Dump from the primary server, or ALTER TABLE ... SET LOGGED there.',
    });
  }
  return found;
}

function describe({ count, first }: Lacking): string {
  const others = count - first.length;
  return `${first.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
