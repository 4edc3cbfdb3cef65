/** Tables whose catalogs a restore does not make anew as they were, or only just: the SQL of each schema. */
export const UNUSUAL_TABLES: Readonly<Record<string, string>> = {
  // Dropped columns, whole rows of a table in views, and a function on them.
  gaps: String.raw`
create table g (a int, b text, c int, d numeric); alter table g drop column b; alter table g add column e text default 'x';
alter table g add primary key (d, a); create index on g (e, c); create statistics gs on a, e from g; insert into g values (1,2,3,'z');
create view gv as select g from g; create function gf(g) returns int language sql as 'select $1.a';
create view gv2 as select (g).*, gf(g) from g;`,
  // Partitions with columns in another order and defaults of their own.
  partitions: String.raw`
create table p (a int not null, b text default 'p', c date) partition by range (a);
create table k1 (c date, x int, b text default 'own', a int not null); alter table k1 drop column x;
alter table p attach partition k1 for values from (0) to (10);
create table k2 partition of p (b default 'k2', constraint ck check (b <> 'q')) for values from (10) to (20); create index k2i on k2 (c);
create index on p (b); insert into p select i, 'v'||i, now() from generate_series(0,19) i; alter table k1 alter b drop default;`,
  // Indexes of a partitioned table alone, attached, and renamed.
  only_indexes: String.raw`
create table p (a int, b int) partition by range (a); create table k1 partition of p for values from (0) to (10);
create table k2 partition of p for values from (10) to (20); create index pi on only p (b); create index k1b on k1 (b);
alter index pi attach partition k1b; alter table p add constraint pk primary key (a); alter table k1 rename constraint k1_pkey to strange;
create unique index pu on only p (a, b); create unique index k1u on k1 (a,b); create unique index k2u on k2 (a,b);
alter index pu attach partition k1u; alter index pu attach partition k2u;`,
  // An index that is not valid, because a partition lacks it.
  part_indexes: String.raw`
create table p (a int, b int) partition by range (a); create table s partition of p for values from (0) to (10) partition by list (b);
create table s1 partition of s for values in (1); create index pi on only p (b); create index si on only s (b);
alter index pi attach partition si; create index s1i on s1 (b);`,
  // An index that was never built, that identifies replicas and clusters the table.
  unbuilt: String.raw`
create table t (id int not null); create unique index i on t (id); alter table t replica identity using index i;
alter table t cluster on i; update pg_index set indisvalid=false, indisready=false where indexrelid='i'::regclass;
insert into t values (1),(1);`,
  // Constraints that are not valid, renamed, and violated.
  not_valid: String.raw`
create table a (id int primary key, x int); create table b (id int, x int check (x > 0)); insert into b values (7, 1);
insert into b values (8, null); alter table b add constraint fk foreign key (id) references a not valid;
alter table b add constraint c check (id < 5) not valid; alter table b rename constraint fk to "fk renamed";
create table p (a int) partition by list (a); create table p1 partition of p for values in (1); insert into p values (1);
alter table p add constraint pc check (a > 5) not valid; create domain dom as int;
alter domain dom add constraint dc check (value > 0) not valid; create table d (x dom);`,
  // Sequences and identities of every sort.
  numbering: String.raw`
create sequence s1 as smallint increment -2 minvalue -100 maxvalue 100 start 50 cache 5 cycle; select nextval('s1');
create sequence s2 as bigint minvalue -9223372036854775808 maxvalue 9223372036854775807 start 0; select setval('s2', 9223372036854775807);
create sequence s3; select setval('s3', 1, false);
create table t (i smallint generated always as identity (increment -1 start 5 minvalue -10 maxvalue 5 cycle), s smallserial, b bigserial);
insert into t default values; insert into t default values; alter sequence t_s_seq owned by none; alter sequence t_b_seq rename to other;
create sequence s4 as int start 2147483647; select nextval('s4'); select setval('s2', -9223372036854775808, false);
alter sequence s1 restart with 7; create unlogged table u (i int generated always as identity, s serial); insert into u default values;`,
  // Statistics on columns and expressions.
  stats: String.raw`
create table t (a int, b int, c text); create statistics st (ndistinct, mcv) on a, b from t; alter statistics st set statistics 500;
create statistics se (dependencies) on (a+1), (lower(c)) from t; create schema o; create statistics o.x on a, c from t; analyze t;`,
  // Rules and views with options.
  ruled: String.raw`
create table t (a int, b text); create view v with (security_barrier=true, check_option=local) as select * from t where a > 0;
create rule r as on insert to t where new.a = 7 do also delete from t where a = 0;
create rule "R 2" as on update to v do instead update t set b = new.b where a = old.a; alter table t disable rule r;
create rule nil as on delete to t do instead nothing; alter table t enable always rule nil;
create view sel (x, y) as values (1, 'a'), (2, 'b');
create recursive view rv (n) as values (1) union all select n + 1 from rv where n < 5;
create view si with (security_invoker) as select * from t; alter view v alter a set default 9; alter view v rename column b to bb;
comment on column v.a is 'x';`,
  // Triggers that partitions fire otherwise than their parents.
  triggered: String.raw`
create function tf() returns trigger language plpgsql as 'begin return new; end'; create table p (a int, b int) partition by list (a);
create table k1 partition of p for values in (1); create table k2 partition of p for values in (2) partition by list (b);
create table k21 partition of k2 default; create trigger t1 after insert on p for each row execute function tf();
alter table k1 disable trigger t1; alter table k21 enable always trigger t1;
create trigger t2 after insert or update of b on p for each row when (new.a > 0) execute function tf('arg', E'a''b\\x');
alter table only p disable trigger t2; create trigger own before insert on k1 for each row execute function tf();
create constraint trigger ct after insert on k1 deferrable for each row execute function tf();
create trigger tt after update on k1 referencing old table as o new table as n for each statement execute function tf();
create table z (a int primary key); create table y (a int references z); alter table y disable trigger all;
insert into p values (1,1),(2,2);`,
  // A trigger that two levels of partitions fire otherwise.
  disabled: String.raw`
create function f() returns trigger language plpgsql as 'begin return new; end'; create table p (a int) partition by list (a);
create table s partition of p for values in (1) partition by list (a); create table s1 partition of s for values in (1);
create table s2 partition of s default; create trigger y after insert on p for each row execute function f();
alter table only s disable trigger y; alter table only p enable always trigger y;`,
  // Options of tables, columns and indexes.
  options: String.raw`
create table d (a text, b text compression pglz, c int);
alter table d alter a set storage external, alter a set statistics 77, alter c set statistics 0, alter b set (n_distinct = -0.5, n_distinct_inherited = 3);
alter table d set (fillfactor = 33, autovacuum_enabled = off, toast.autovacuum_enabled = false, toast_tuple_target = 200, parallel_workers = 3, user_catalog_table = true);
create index i on d (c) with (fillfactor = 60, deduplicate_items = off); alter index i set (fillfactor=61);
create index i2 on d (lower(a), c); alter index i2 alter column 1 set statistics 300;
create index br on d using brin (c) with (pages_per_range = 3, autosummarize = on); create index h on d using hash (c);
create index inc on d (c) include (a, b); create unique index nnd on d (c) nulls not distinct;
alter table d add constraint un unique nulls not distinct (a) include (b);`,
  // Typed tables whose type has changed.
  typed: String.raw`
create type ct as (a int, b text, c int); create table o of ct (primary key (a), b with options default 'x' not null, check (c > 0));
alter type ct add attribute d int cascade; alter type ct drop attribute c cascade; create table not_typed (a int, b text, d int);
alter table not_typed of ct; create table o2 of ct; alter table o2 not of;`,
  // Tables without columns.
  empty_tables: String.raw`
create table z (); insert into z default values; create table zp () ; create table zk (a int) inherits (zp); create view zv as select;
create materialized view zm as select from generate_series(1,3); create table dc (a int); insert into dc values (1),(2);
alter table dc drop column a; create type ec as (); create table part0 (a int) partition by list (a);`,
  // Foreign keys in circles.
  circular: String.raw`
create table a (id int primary key, b int); create table b (id int primary key, a int references a);
alter table a add foreign key (b) references b deferrable; create table s (id int primary key, up int references s, check (id > 0));
insert into s select i, nullif(i-1,0) from generate_series(1,10) i; insert into a values (1, null); insert into b values (1,1);
update a set b = 1;
create table x (a int, b int, unique (a, b), foreign key (a, b) references x (a, b) match full on delete set null on update cascade);
create table y (a int, b int, foreign key (a,b) references x (a,b) on delete set null (b));
create table p (a int primary key) partition by list (a); create table p1 partition of p for values in (1);
create table pf (a int references p) partition by list (a); create table pf1 partition of pf for values in (1);
alter table p add column up int; alter table p add constraint selfp foreign key (up) references p;`,
  // Inheritance from several parents.
  diamonds: String.raw`
create table a (x int, y text default 'a'); create table b (x int not null, z int); create table c (w int) inherits (a, b);
alter table c alter y set default 'c'; alter table a add column n int default 7; create table e (x int, n int, y text) ;
alter table e inherit a; alter table e no inherit a; create table f () inherits (c); alter table f alter column x set default 3;
alter table only a add constraint ck check (x > 0) no inherit; alter table b add constraint bc check (z > 0);
alter table c add constraint bc2 check (z > 0); insert into f (x, z) values (1, 2); create table loc (x int, v int, y text, n int);
alter table loc inherit a; alter table loc no inherit a; alter table only a drop column y;`,
  // Checks that are local and inherited.
  merged: String.raw`
create table a (x int); create table b (x int, constraint c check (x > 0)); alter table a add constraint c check (x > 0);
alter table b inherit a; create table d (x int, constraint c check (x > 0)); alter table d inherit a; alter table d no inherit a;
create table e () inherits (a); alter table e add constraint e1 check (x < 9); alter table a add constraint e1 check (x < 9) not valid;`,
  // NOT NULL and defaults that a parent lacks.
  nulls: String.raw`
create table a (x int not null default 3, y int); create table b () inherits (a); alter table only a alter x drop not null;
alter table b alter x drop default; alter table b alter y set default null; alter table only a alter y set not null;
create table c (y int default 5) inherits (a); create domain nn as int not null default 1; create table dd (a nn default null, b nn);`,
  // Generated columns that are inherited.
  generated: String.raw`
create table a (x int, g int generated always as (x * 2) stored); create table b () inherits (a);
create table p (x int, g int generated always as (x + 1) stored) partition by list (x); create table p1 partition of p for values in (1);
create table p2 (g int generated always as (x + 1) stored, x int); alter table p attach partition p2 for values in (2);
insert into p values (1), (2); alter table a alter g drop expression;`,
  // Partition keys of expressions and operator classes.
  keys: String.raw`
create function h(int) returns int language sql immutable as 'select $1 % 7';
create table p (a int, b text, c timestamptz) partition by range (h(a), b collate "C");
create table p1 partition of p for values from (minvalue, minvalue) to (3, 'x');
create table p2 partition of p for values from (3, 'x') to (maxvalue, maxvalue);
insert into p select i, 'v'||i, now() from generate_series(1, 30) i;
create table hh (a int, b text) partition by hash (a, b text_pattern_ops);
create table hh0 partition of hh for values with (modulus 2, remainder 0);
create table hh1 partition of hh for values with (modulus 4, remainder 1);
create table hh3 partition of hh for values with (modulus 4, remainder 3); insert into hh select i, 'v'||i from generate_series(1,100) i;
create table tz (c timestamptz) partition by range (c); set timezone = 'Asia/Kathmandu';
create table tz1 partition of tz for values from ('2020-01-01') to ('2021-01-01'); create table e (a text) partition by list (a);
create table en partition of e for values in (null, 'a''b', E'\\'); insert into e values (null), (E'\\');`,
  // Foreign keys to and from partitions.
  referenced: String.raw`
create table p (a int primary key, up int) partition by range (a); create table p1 partition of p for values from (0) to (10);
create table c (x int references p on delete cascade, y int) partition by range (x);
create table c1 partition of c for values from (0) to (10); alter table c1 add constraint own foreign key (y) references p1;
create table d (x int); alter table d add constraint dfk foreign key (x) references p not valid;
create table c2 (x int, y int, constraint c_x_fkey foreign key (x) references p on delete cascade);
alter table c attach partition c2 for values from (10) to (20); insert into p values (1, null); insert into c values (1, 1);
alter table c detach partition c2;`,
};
