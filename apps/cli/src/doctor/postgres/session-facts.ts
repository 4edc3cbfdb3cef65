import type { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { readServerFacts, type ServerFacts } from '@pgstow/postgres/facts/server-facts.ts';
import { z } from 'zod';

const sessionSchema = z.strictObject({ isStandby: z.boolean(), isEncrypted: z.boolean() });

export type SessionFacts = ServerFacts &
  Readonly<z.infer<typeof sessionSchema>> & {
    /** How far its clock is ahead of ours, within the time that an answer takes. */
    readonly skewMs: number;
  };

export async function readSessionFacts(session: PsqlSession): Promise<SessionFacts> {
  const askedAt = Date.now();
  const nowMs = await session.queryRow('select to_jsonb(extract(epoch from clock_timestamp()) * 1000)', z.number());
  const skewMs = nowMs - (askedAt + Date.now()) / 2;
  const facts = await session.queryRow(
    `
select jsonb_build_object(
  'isStandby', pg_is_in_recovery(),
  'isEncrypted', coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false))`,
    sessionSchema,
  );
  return { ...(await readServerFacts(session)), ...facts, skewMs };
}

const connectionSchema = z.strictObject({
  role: z.string(),
  isSuperuser: z.boolean(),
  encoding: z.string(),
  collate: z.string(),
  extensions: z.array(z.string()),
  /** Connections at a time; negative where there is no limit. */
  roleLimit: z.int(),
  databaseLimit: z.int(),
  /** Connections that are there now, besides this one. */
  roleUsed: z.int(),
  databaseUsed: z.int(),
});
export type ConnectionFacts = Readonly<z.infer<typeof connectionSchema>>;

/** Reads facts of the session's role and database. */
export async function readConnectionFacts(session: PsqlSession): Promise<ConnectionFacts> {
  return session.queryRow(
    `
select jsonb_build_object(
  'role', r.rolname,
  'isSuperuser', r.rolsuper,
  'encoding', pg_encoding_to_char(d.encoding),
  'collate', d.datcollate,
  'extensions', (select coalesce(jsonb_agg(extname order by extname), '[]') from pg_extension where extname <> 'plpgsql'),
  'roleLimit', r.rolconnlimit,
  'databaseLimit', d.datconnlimit,
  'roleUsed', (select count(*) from pg_stat_activity a where a.usesysid = r.oid and a.pid <> pg_backend_pid()),
  'databaseUsed', (select count(*) from pg_stat_activity a
    where a.datid = d.oid and a.usesysid is not null and a.pid <> pg_backend_pid()))
from pg_roles r, pg_database d where r.rolname = session_user and d.datname = current_database()`,
    connectionSchema,
  );
}
