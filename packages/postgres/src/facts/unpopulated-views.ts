/**
 * Common table expressions of materialized views that are not populated, and those that read one; a view between them carries it
 * on. Source: buildMatViewRefreshDependencies in src/bin/pg_dump/pg_dump.c.
 */
export const UNPOPULATED = `
  reads as (
    select w.ev_class as reader, d.refobjid as read
    from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    where (select relkind from pg_class where oid = w.ev_class) in ('m', 'v')
  ),
  unpopulated as (
    select oid from pg_class where relkind = 'm' and not relispopulated
    union select r.reader from unpopulated u join reads r on r.read = u.oid
  )`;
