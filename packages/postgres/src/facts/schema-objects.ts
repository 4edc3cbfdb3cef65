import { isUsersSchema } from './made-by-users.ts';
import { DESCRIBE_OTHERS } from './object-descriptions.ts';
import { DESCRIBE_RELATIONS, RELATION_PARTS } from './relation-descriptions.ts';

/** Version of `DESCRIBE_OBJECTS`. Digests of another version are no evidence of a difference. */
export const DESCRIPTION_VERSION = 2;

/**
 * SQL that describes every object that a dump makes, a row each: kind and name, and the parts of its description by their
 * names. Two databases have the same descriptions if one was restored from a dump of the other.
 *
 * It holds only what pg_dump writes and the server keeps as it is written:
 *
 * - no expressions: the server writes a CHECK of a varchar or a view anew in other words;
 * - no owners, rights and comments: options of pg_dump may leave them out;
 * - columns sorted by name: pg_dump puts inherited ones first; texts sorted by their bytes: another server may lack a collation;
 * - no members of extensions, and nothing that hangs on their tables: they come with the extension;
 * - a child's column and constraint as its parents make it: pg_dump leaves to the parent what is inherited, so a child that
 *   lacks its parent's NOT NULL, or alone has validated its CHECK, does not stay so;
 * - no operator without a function: another one named it as commutator or negator, and pg_dump leaves it out;
 * - a replica identity by index only while that index is there;
 * - a materialized view as populated only if all that it reads are;
 * - a partitioned table's index whether it is valid or not: it may be valid once it is restored;
 * - a domain's default only if its base has none: the domain takes it, and pg_dump does not write that it was dropped;
 * - a partition's trigger only if it fires otherwise than its parent's;
 * - the names of a function's settings alone: the server writes a list that was taken over FROM CURRENT anew;
 * - no names of NOT NULL constraints: pg_dump 17 does not write those of domains.
 *
 * It runs on servers from version 12 on: columns of later versions are read by way of JSON, where they may be missing.
 * Sources: https://www.postgresql.org/docs/current/catalogs.html and src/bin/pg_dump/pg_dump.c (flagInhAttrs, getIndexes, dumpOpr,
 * getTriggers, getPublicationTables).
 */
export const DESCRIBE_OBJECTS = `
with recursive
  namespace as (
    select tableoid, oid, nspname from pg_namespace where ${isUsersSchema('nspname')}
  ),${RELATION_PARTS},
  object(kind, name, description) as (${DESCRIBE_OTHERS}
    union all${DESCRIBE_RELATIONS}
  )
select jsonb_build_array(kind || ' ' || name, jsonb_strip_nulls(coalesce(description, '{}'))) from object`;
