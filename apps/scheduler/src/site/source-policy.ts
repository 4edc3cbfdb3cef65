import type { SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { isSameSource } from '@pgstow/shared/contract/source-identity.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import type { SiteDatabase } from './site-status.ts';

/** A database that is backed up under the names of two servers. */
export type SourceTwice = { readonly server: string | undefined; readonly database: string; readonly text: string };

type Known = Pick<SiteDatabase, 'database' | 'health'> & { readonly on: { readonly server: string | undefined } };

/** Finds databases that two servers are the same for, by the identity in the manifests of their newest dumps. */
export function findSourcesTwice(databases: readonly Known[]): readonly SourceTwice[] {
  const seen = new Map<
    number,
    { readonly name: string; readonly identity: SourceIdentity; readonly on: Known['on'] }[]
  >();
  const found: SourceTwice[] = [];
  for (const { database, health, on } of databases) {
    const identity = health.newest?.manifest.identity;
    if (identity === undefined) continue;
    const name = formatTarget({ server: on.server, database });
    const known = seen.get(identity.databaseOid) ?? [];
    const other = known.find((each) => each.on.server !== on.server && isSameSource(each.identity, identity));
    if (other === undefined) seen.set(identity.databaseOid, [...known, { name, identity, on }]);
    else
      found.push({
        server: on.server,
        database,
        text: `${name} and ${other.name} are one database, backed up under two names; take one of them out of TARGETS_FILE`,
      });
  }
  return found;
}
