import { z } from 'zod';

/** Bytes of the longest name that PostgreSQL allows, NAMEDATALEN - 1. */
export const LONGEST_TARGET = 63;

/**
 * The target whose dumps hold what all databases of a server share. Any text of 63 bytes may be the name of a database, so this one
 * is longer.
 */
export const GLOBALS = 'globals: roles, memberships, tablespaces and settings of the whole server';

/** The target of a job that finds the databases of a server and asks for a dump of each; it has no dumps of its own. */
export const EVERY_DATABASE = 'every database of the server that the patterns in POSTGRES_DB ask for';

/**
 * The name of a PostgreSQL database. Any name that PostgreSQL itself allows is allowed here: 1 to 63 bytes of UTF-8 without a NUL.
 * Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
 */
export const databaseNameSchema = nameSchema(isShortEnough);

/** The name of a target: of the database to back up, or of one of the two targets that are none. */
export const targetNameSchema = nameSchema(
  (name) => isShortEnough(name) || name === GLOBALS || name === EVERY_DATABASE,
);

/** A database as people read and write it, and the two targets that are none. */
export function describeTarget(database: string): string {
  if (database === GLOBALS) return 'globals';
  return database === EVERY_DATABASE ? '*' : database;
}

function nameSchema(mayBeSoLong: (name: string) => boolean): z.ZodString {
  return z
    .string()
    .min(1, 'a database name is at least one character long')
    .refine(mayBeSoLong, 'a database name is at most 63 bytes long')
    .refine((name) => !name.includes('\0'), 'a database name contains no NUL')
    .refine((name) => name.isWellFormed(), 'a database name is well-formed Unicode');
}

/** No character takes more than three bytes for each of its UTF-16 units, so most names need no encoding. */
function isShortEnough(name: string): boolean {
  return 3 * name.length <= LONGEST_TARGET || new TextEncoder().encode(name).length <= LONGEST_TARGET;
}

/** A site's name: it keeps the site's queues, locks and published catalog apart from another's. */
export const siteSchema = z.string().regex(/^[a-z0-9-]{1,32}$/, 'a site is 1 to 32 of a-z, 0-9 and -');

/** Stands for the server of stack.env where a server has to be named: in HEARTBEAT_URL, and for `--server`. */
export const UNNAMED_SERVER = 'default';

/** The name of a server in TARGETS_FILE; it becomes a folder and part of object keys. The server of stack.env has none. */
export const serverNameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'a server is named with 1 to 32 of a-z, 0-9 and - between them')
  .refine((name) => name !== UNNAMED_SERVER, `${UNNAMED_SERVER} is the server of stack.env`);

/** One database of one server. */
export type Target = { readonly server?: string | undefined; readonly database: string };

/** A target as people read and write it: `server/database`, or the database alone for the server of stack.env. */
export function formatTarget({ server, database }: Target): string {
  const shown = describeTarget(database);
  return server === undefined ? shown : `${server}/${shown}`;
}

/** A destination's short name; it becomes part of the receipt's file name. */
export const destinationNameSchema = z
  .string()
  .regex(/^[a-z0-9-]{1,16}$/, 'a destination is named with 1 to 16 of a-z, 0-9 and -')
  // The receipt of a plain dump would read as a record of an encrypted one.
  .refine((name) => name !== 'age', 'a destination is not named age, which is the ending of encrypted dumps');
