/**
 * SQL for a database each of whose backups is BAD: an operator class compares in the session that restores otherwise than in any
 * other, because pg_dump switches row_security off. So the index comes back damaged.
 */
export const SORTED_DATABASE = `
create function compare(a int, b int) returns int language sql immutable as $$
  select case current_setting('row_security') when 'on' then a - b else b - a end $$;
create operator class moody for type int using btree as
  operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 compare(int, int);
create table sorted as select i from generate_series(1, 1000) i;
create index "in Order" on sorted (i moody);`;
