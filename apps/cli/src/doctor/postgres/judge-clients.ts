import { chooseClients, type Clients } from '@pgstow/postgres/client/client-version.ts';
import { judgePsql } from '@pgstow/postgres/client/psql-version-policy.ts';
import { readPsqlVersion } from '@pgstow/postgres/client/read-psql-version.ts';
import { findingOf, type Finding } from '../check.ts';

/** Judges pg_dump and psql. @returns those that dump a server of that major version, if there are any */
export async function* judgeClients(
  installed: readonly Clients[],
  major: number,
): AsyncGenerator<Finding, Clients | undefined> {
  const { ok, warning, failed } = findingOf('postgres.clients');
  let clients: Clients;
  try {
    clients = chooseClients(installed, major);
  } catch (error) {
    yield failed(error);
    return undefined;
  }
  const { version, folder } = clients;
  yield clients.major === major
    ? ok(`pg_dump ${version} in ${folder} is of the server's version`)
    : warning(
        `pg_dump ${version} in ${folder} is newer than the server, ${major}: its dumps may hold settings that a server ${major} does not know`,
        `Install pg_dump ${major} as well, for instance the package postgresql-client-${major}.`,
      );
  // psql itself is asked: it may be of another version than the pg_dump beside it.
  const psqlVersion = await readPsqlVersion(clients);
  const judged = judgePsql(psqlVersion).warning;
  yield judged === undefined
    ? findingOf('postgres.psql').ok(`psql ${psqlVersion} has no fault that is known to pgstow`)
    : findingOf('postgres.psql').warning(
        judged.replace(/\.$/, ''),
        'Update the PostgreSQL client programs; they are what restores a dump.',
      );
  return clients;
}
