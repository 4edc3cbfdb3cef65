import { z } from 'zod';

/** The database and server that a dump is of. Their names alone do not tell: many servers share names and addresses. */
export const sourceIdentitySchema = z.object({
  /**
   * The cluster's own number, given by initdb and shared by its standbys; decimal digits, because it is larger than what a
   * number holds. Absent where the role may not read it.
   * Source: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-CONTROL-SYSTEM
   */
  systemIdentifier: z.string().regex(/^\d+$/).optional(),
  /** The database's oid in its cluster; a database that is dropped and created anew gets another. */
  databaseOid: z.int().positive(),
  /** The server's address: `host:port`, or the folder of its socket. */
  address: z.string().min(1),
  /** When the server was started, to the microsecond. */
  startedAt: z.string().min(1),
});

export type SourceIdentity = z.infer<typeof sourceIdentitySchema>;

/**
 * Whether two dumps are of the same database. A copy of a server's files has the same number and oids. So under another address
 * a server counts as the same only if it was started at the same moment.
 */
export function isSameSource(a: SourceIdentity, b: SourceIdentity): boolean {
  if (a.databaseOid !== b.databaseOid) return false;
  const isKnown = a.systemIdentifier !== undefined && b.systemIdentifier !== undefined;
  if (isKnown && a.systemIdentifier !== b.systemIdentifier) return false;
  return a.address.toLowerCase() === b.address.toLowerCase() || a.startedAt === b.startedAt;
}

/** A source as messages name it. */
export function describeSource({ address, systemIdentifier, databaseOid }: SourceIdentity): string {
  const cluster = systemIdentifier === undefined ? '' : `system identifier ${systemIdentifier}, `;
  return `${address} (${cluster}database oid ${databaseOid})`;
}

/** @param host a name, an address, or the folder of a Unix socket */
export function formatAddress({ host, port }: { readonly host: string; readonly port: number }): string {
  if (host.startsWith('/')) return `${host}/.s.PGSQL.${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
