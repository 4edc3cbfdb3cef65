import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFactStage, type FactStage } from '../../testing/fact-stage.ts';
import { PsqlSession } from '../client/psql-session.ts';
import { compareFacts } from './compare-facts.ts';
import { readDatabaseFacts } from './database-facts.ts';

const UNCOUNTED = { mode: 'off', exactUpToBytes: 0 } as const;

const ONE_OF_EACH = `
create role reader;
create type e as enum ('a', 'b'); create domain dom as int default 5 not null check (value > 0); create type comp as (a int, b text);
create table t (a int primary key, b text default 'x', c numeric(5, 2) check (c > 0), d int);
create table u (a int references t on delete cascade, b int);
create index ti on t (b text_pattern_ops desc) where a > 0; create unique index tu on t (lower(b));
create table p (a int, b int) partition by range (a); create table p1 partition of p for values from (0) to (10);
create table ot of comp; create table ri (a int not null unique); alter table ri replica identity using index ri_a_key;
create unlogged table ul (a int); create table inh () inherits (ri); alter table t set (fillfactor = 50);
create function tf() returns trigger language plpgsql as 'begin return new; end';
create trigger tr after update of b on t for each row when (new.a > 0) execute function tf('x');
create trigger ptr after insert on p for each row execute function tf(); alter table p1 disable trigger ptr;
create policy po on t for select to reader using (a > 0); create policy pw on t for update using (true) with check (a < 5);
create function f(a int, b int default 1) returns int language sql stable set work_mem = '1MB' as 'select 1';
create aggregate ag(int) (sfunc = int4pl, stype = int, initcond = '0');
create view v with (security_barrier) as select a, b from t; create rule ru as on insert to v do instead nothing;
create materialized view mv as select a from t; create unique index on mv (a);
create sequence s increment 2 cache 5 cycle maxvalue 100; create sequence so owned by t.d; create statistics st on a, b from t;
create operator === (leftarg = int, rightarg = int, function = int4eq);
create operator class oc for type int using btree as operator 1 <, operator 3 =, function 1 btint4cmp(int, int);
create cast (comp as e) with inout as assignment; create conversion cv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create text search dictionary td (template = simple); create text search configuration tc (copy = simple);
alter text search configuration tc alter mapping for asciiword with td;
create foreign data wrapper w; create server sv type 'x' foreign data wrapper w; create user mapping for public server sv;
create foreign table ft (a int) server sv options (x 'y');
create publication pb for table t (a) where (a > 3), p; create schema sc; create publication pbs for tables in schema sc;
create access method ham type table handler heap_tableam_handler;
create function etf() returns event_trigger language plpgsql as 'begin end';
create event trigger et on ddl_command_end when tag in ('CREATE TABLE') execute function etf();`;

/** Changes of a restored database, by the part that shows them. */
const CHANGES: readonly (readonly [part: string, sql: string])[] = [
  ['table public.t: columns differ', 'alter table t alter b drop default'],
  ['table public.t: columns differ', 'alter table t alter c type numeric(6, 3)'],
  ['table public.t: constraints differ', 'alter table t drop constraint t_c_check'],
  ['table public.u: constraints differ', anotherKey('on delete set null')],
  ['table public.u: constraints differ', anotherKey('on delete cascade not valid')],
  ['table public.t: indexes differ', 'drop index ti; create index ti on t (b text_pattern_ops) where a > 0'],
  ['table public.t: indexes differ', 'drop index ti; create index ti on t (b desc) where a > 0'],
  ['table public.t: indexes differ', 'drop index ti; create index ti on t (b text_pattern_ops desc)'],
  ['table public.t: indexes differ', 'drop index tu; create index tu on t (lower(b))'],
  ['table public.t: triggers differ', anotherTrigger(`after update on t for each row when (new.a > 0)`, `'x'`)],
  ['table public.t: triggers differ', anotherTrigger(`after update of b on t for each row`, `'x'`)],
  ['table public.t: triggers differ', anotherTrigger(`after update of b on t for each row when (new.a > 0)`, '')],
  ['table public.p1: triggers differ', 'alter table p1 enable trigger ptr'],
  ['table public.t: policies differ', 'alter policy po on t to public'],
  ['table public.t: policies differ', 'drop policy pw on t; create policy pw on t for update using (true)'],
  ['table public.t: row security differs', 'alter table t enable row level security'],
  ['table public.t: options differ', 'alter table t reset (fillfactor)'],
  ['table public.ot: type differs', 'alter table ot not of'],
  ['table public.ri: replica identity differs', 'alter table ri replica identity full'],
  ['table public.ul: persistence differs', 'alter table ul set logged'],
  ['table public.inh: parents differ', 'alter table inh no inherit ri'],
  ['enum public.e: values differ', `alter type e rename value 'b' to 'c'`],
  ['domain public.dom: default differs', 'alter domain dom drop default'],
  ['domain public.dom: constraints differ', 'alter domain dom drop constraint dom_check'],
  ['domain public.dom: NOT NULL differs', 'alter domain dom drop not null'],
  ['function public.f(a integer, b integer): settings differ', 'alter function f reset work_mem'],
  ['function public.f(a integer, b integer): definition differs', 'alter function f volatile'],
  ['function public.f(a integer, b integer): definition differs', 'alter function f security definer'],
  [
    'aggregate public.ag(integer): steps differ',
    `drop aggregate ag(int); create aggregate ag(int) (sfunc = int4mul, stype = int, initcond = '0')`,
  ],
  ['view public.v: options differ', 'alter view v reset (security_barrier)'],
  ['view public.v: rules differ', 'drop rule ru on v'],
  ['materialized view public.mv: indexes differ', 'drop index mv_a_idx'],
  ['materialized view public.mv: contents differ', 'refresh materialized view mv with no data'],
  ['sequence public.s: options differ', 'alter sequence s no cycle'],
  ['sequence public.so: options differ', 'alter sequence so owned by none'],
  ['statistics public.st: columns differ', 'drop statistics st; create statistics st on a, c from t'],
  [
    'operator public.===(integer,integer): function differs',
    'drop operator === (int, int); create operator === (leftarg = int, rightarg = int, function = int4ne)',
  ],
  ['operator class public.oc using btree is missing', 'drop operator class oc using btree'],
  ['cast (public.comp as public.e) is missing', 'drop cast (comp as e)'],
  [
    'cast (public.comp as public.e): context differs',
    `drop cast (comp as e); create cast (comp as e) with inout as implicit`,
  ],
  ['conversion public.cv is missing', 'drop conversion cv'],
  [
    'text search configuration public.tc: dictionaries differ',
    'alter text search configuration tc alter mapping for asciiword with simple',
  ],
  ['text search configuration public.tc is missing', 'drop text search configuration tc'],
  ['foreign table public.ft: server differs', `alter foreign table ft options (set x 'z')`],
  ['user mapping for public server sv is missing', 'drop user mapping for public server sv'],
  ['publication pb: tables differ', 'alter publication pb set table t where (a > 3), p'],
  ['publication pb: tables differ', 'alter publication pb set table t (a), p'],
  ['publication pbs: schemas differ', 'alter publication pbs drop tables in schema sc'],
  ['access method ham is missing', 'drop access method ham'],
  [
    'event trigger et: tags differ',
    'drop event trigger et; create event trigger et on ddl_command_end execute function etf()',
  ],
  ['event trigger et: firing differs', 'alter event trigger et disable'],
];

function anotherKey(how: string): string {
  return `alter table u drop constraint u_a_fkey; alter table u add foreign key (a) references t ${how}`;
}

function anotherTrigger(when: string, args: string): string {
  return `drop trigger tr on t; create trigger tr ${when} execute function tf(${args})`;
}

describe.skipIf(!hasPostgres())('a description of a database', () => {
  let stage: FactStage;
  let session: PsqlSession;
  beforeAll(async () => {
    stage = await openFactStage();
    await stage.restored('each', ONE_OF_EACH);
    session = await PsqlSession.start(stage.clients, stage.envOf('each'), new AbortController().signal);
  });
  afterAll(async () => {
    await session[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  });

  test.each(CHANGES)('shows that %s: %s', async (difference, sql) => {
    await session.run('begin');
    const source = await readDatabaseFacts(session, UNCOUNTED);
    for (const statement of ['set local search_path = public', ...sql.split('; '), `set local search_path = ''`])
      await session.run(statement);
    const changed = await readDatabaseFacts(session, UNCOUNTED);
    await session.run('rollback');
    const { findings } = compareFacts({ source, tables: undefined }, changed);
    expect(findings.map((finding) => finding.difference)).toEqual([difference]);
  });
});
