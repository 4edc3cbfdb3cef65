/** Types, functions and other objects that are seldom met: the SQL of each schema. */
export const UNUSUAL_OBJECTS: Readonly<Record<string, string>> = {
  // A domain's constraint that rows violate.
  domain_not_valid: String.raw`
create domain dom as int; create table d (x dom); insert into d values (-1);
alter domain dom add constraint dc check (value > 0) not valid;`,
  // Views that call functions with defaults, names and variadic arguments.
  defaults_in_views: String.raw`
create function f(a int, b int default 5, c text default 'x''y') returns text language sql as 'select $1::text||$2||$3';
create view v as select f(1) x, f(1, c => 'z'); create function vf(variadic int[]) returns int language sql as 'select 1';
create view vv as select vf(1,2,3) x, vf(variadic array[1]);`,
  // Operator classes and families.
  families: String.raw`
create operator family of1 using btree;
alter operator family of1 using btree add operator 1 <(int,bigint), function 1 btint48cmp(int,bigint);
create operator class oc for type int using btree family of1 as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(int,int);
create table t (a int); create index i on t (a oc desc nulls last); create operator family empty using hash;
create operator class oc2 for type text using gist as operator 1 =, storage int;`,
  // Text search with dictionaries, templates and parsers of its own.
  searched: String.raw`
create text search dictionary d (template = simple, stopwords = english); create text search configuration c (copy = simple);
alter text search configuration c alter mapping for asciiword with d, simple; create text search template tt (lexize = dsimple_lexize);
create text search parser pp (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create table t (v tsvector generated always as (to_tsvector('english', 'x')) stored, w text);
create index on t using gin (to_tsvector('searched.c', w)); insert into t values (default, 'the foo');`,
  // Collations.
  collated: String.raw`
create collation n (provider=icu, locale='und-u-ks-level2', deterministic=false);
create collation v (provider=icu, locale='de', version='1.2.3'); create collation l (locale='C');
create table t (a text collate n primary key, b varchar(3)[] collate l, c text collate v); insert into t values ('A', '{x}', 'ä');
create domain cd as text collate n; create type ct as (a text collate l); create index on t (b collate "POSIX");
create collation "from" from "C";`,
  // Domains over composites, arrays and one another.
  domains: String.raw`
create type comp as (a int, b text[]); create domain da as comp[] check (array_length(value, 1) < 3);
create domain dc as comp check ((value).a > 0) ; create domain dd as da not null default '{}'; create table t (x da, y dc, z dd, w dd[]);
insert into t values (array[row(1,'{a}')::comp], row(1,'{b}'));
create domain dv as varchar(10) constraint cc check (value in ('a','b')) constraint c2 check (value <> 'q');
alter domain dv drop constraint cc; alter domain dc rename constraint dc_check to "renamed check"; create domain n as numeric(10,2)[];
create domain tx as timestamp(3) default now();`,
  // Domains that dropped the default of their base.
  domain_defaults: String.raw`
create domain a as int default 1; create domain b as a; alter domain b drop default; create domain c as b; create domain d as a default 9;
create table t (x b, y d);`,
  // Enums that grew between their values.
  enums: String.raw`
create type e as enum ('a','c'); alter type e add value 'b' before 'c'; alter type e add value '0' before 'a';
alter type e rename value 'c' to 'c ''q'; alter type e add value 'a1' after 'a'; create type empty as enum ();
create table t (x e default 'b', y e[]); insert into t values ('a1', '{0,a}'); create index on t (x);
create table p (x e) partition by range (x); create table p1 partition of p for values from ('0') to ('b'); insert into p values ('a1');`,
  // Ranges with functions of their own.
  ranges: String.raw`
create function tdiff(timestamp, timestamp) returns float8 language sql immutable as 'select extract(epoch from $1 - $2)::float8';
create type tr as range (subtype = timestamp, subtype_diff = tdiff, multirange_type_name = "Multi R");
create type fr as range (subtype = float8, subtype_diff = float8mi);
create type txr as range (subtype = text, collation = "C", subtype_opclass = text_pattern_ops); create table t (a fr, b txr, c text);
create table t2 (a fr, b txr, exclude using gist (a with &&)); insert into t2 values ('[1,2)', '[a,b]'); create type cr;
create function cr_canon(cr) returns cr language internal immutable strict as 'int4range_canonical';
create type cr as range (subtype = int, canonical = cr_canon); create table u (x cr); insert into u values ('[1,2]');`,
  // Aggregates of every kind.
  aggregates: String.raw`
create function sf(int, int) returns int language sql as 'select 1';
create aggregate a1(int) (sfunc=int4pl, stype=int, initcond='7', msfunc=int4pl, minvfunc=int4mi, mstype=int, minitcond='0', parallel=safe, sortop = <);
create aggregate a2(int order by int) (sfunc=int4pl, stype=int);
create aggregate a3(float8 order by anyelement) (stype=internal, sfunc=ordered_set_transition, finalfunc=percentile_disc_final, finalfunc_extra);
create aggregate a6(variadic "any" order by variadic "any") (stype=internal, sfunc=ordered_set_transition_multi, finalfunc=rank_final, finalfunc_extra, hypothetical);
create aggregate a4(*) (sfunc=int8inc, stype=int8, initcond='0'); create aggregate first(anyarray) (sfunc=array_larger, stype=anyarray);`,
  // Functions with SQL bodies and types of their own.
  bodies: String.raw`
create type ty as (a int); create function f(ty) returns ty language sql begin atomic select $1; end;
create function f(int) returns int language sql immutable return $1 + 1;
create procedure p(in a int, out b int, inout c ty) language sql begin atomic select 1, row(2)::ty; end;
create function g(a int default 1, b text default 'x') returns setof ty language sql begin atomic select 1; select 2; end;
create function tb(out x int, out y text) returns setof record language sql as $$ select 1, E'a\nb' $$ cost 77 rows 1 set search_path = pg_catalog set work_mem to '1MB' security definer leakproof parallel safe;
create function trf() returns table (a int, "B c" text) language sql stable rows 5 as 'select 1, ''x''';
create function w(int) returns int language internal window as 'window_row_number';
create function sup(int) returns setof bigint language sql support pg_catalog.generate_series_int8_support as 'select 1';
create table t (a int default f(1), b int generated always as (f(2)) stored); insert into t default values;`,
  // Functions with settings.
  settings: String.raw`
create function a() returns int language sql set search_path from current as 'select 1'; set search_path = public,pg_catalog;
create function b() returns int language sql set search_path from current as 'select 1'; set datestyle = 'sql,dmy';
create function c() returns int language sql set datestyle from current set timezone = 'utc' set work_mem = '1048576' set app.x = 'a"b''c' as 'select 1';
create function d() returns int language sql set search_path = '' as 'select 1';
create function e() returns int language sql set search_path = 'Weird Name', "$user", pg_temp as 'select 1'; set work_mem = '100000';
create function f() returns int language sql set work_mem from current set session_preload_libraries = '' as 'select 1';
select set_config('search_path', 'a,b , c', false);
create function settings.g() returns int language sql set search_path from current as 'select 1';`,
  // A table whose check calls a function on its rows.
  loops: String.raw`
create table t (a int, b int); create function chk(t) returns bool language sql immutable as 'select $1.a > 0';
alter table t add constraint c check (chk(t)); create index on t (chk(t)); insert into t values (1, 2);
alter table t add d int generated always as (a + b) stored;`,
};
