import type { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { readServerGlobals } from '@pgstow/postgres/facts/server-globals.ts';
import { planGlobals, settingKey, type GlobalsPlan } from '@pgstow/postgres/restore/globals-plan.ts';
import { z } from 'zod';
import type { FoundGlobals } from './find-globals.ts';

/** Asks the target's server what it has, and plans what comes back from a dump of globals. */
export async function planGlobalsThere(
  session: PsqlSession,
  { statements }: FoundGlobals,
  options: {
    readonly source: string;
    readonly target: string;
    readonly isNew: boolean;
    readonly named: readonly string[];
  },
): Promise<GlobalsPlan> {
  // What roles may set is none of a database's.
  const { roles, memberships, settings } = await readServerGlobals(session, 0);
  const rights = await session.queryRow(
    `select jsonb_build_object('isSuperuser', rolsuper, 'mayCreateRoles', rolsuper or rolcreaterole,
       'all', (select jsonb_agg(rolname) from pg_roles)) from pg_roles where rolname = current_user`,
    z.object({ isSuperuser: z.boolean(), mayCreateRoles: z.boolean(), all: z.array(z.string()) }),
  );
  const members = Map.groupBy(memberships, ({ role }) => role);
  return planGlobals({
    ...options,
    statements,
    there: {
      ...rights,
      roles: new Set([...rights.all, ...roles.map(({ name }) => name)]),
      members: new Map([...members].map(([role, theirs]) => [role, new Set(theirs.map(({ member }) => member))])),
      settings: new Set(
        settings.filter(({ database }) => database === options.target).map(({ role, name }) => settingKey(role, name)),
      ),
    },
  });
}
