import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesOf } from '../../testing/differences-of.ts';
import { openFactStage, type FactStage } from '../../testing/fact-stage.ts';
import { compareFacts } from './compare-facts.ts';

/** States of a schema that a later major version brought, oldest first. */
const NEWER: readonly (readonly [what: string, fromMajor: number, sql: string])[] = [
  [
    'a publication of columns, of rows and of a schema, and NULLS NOT DISTINCT',
    15,
    `create table t (a int primary key, b int, unique nulls not distinct (b)); create schema s;
     create publication pieces for table t (a) where (a > 1);
     create publication schemas for tables in schema s`,
  ],
  ['ICU rules of a collation', 16, `create collation c (provider = icu, locale = 'und', rules = '&a < g')`],
  [
    'an identity and an exclusion constraint of a partitioned table, an event trigger of logins',
    17,
    `create extension btree_gist;
     create table p (id int generated always as identity, r int4range, exclude using gist (id with =, r with &&)) partition by list (id);
     create table p1 partition of p default; insert into p (r) values ('[1,2)'), ('[3,4)');
     create function f() returns event_trigger language plpgsql as 'begin end';
     create event trigger logins on login execute function f(); alter event trigger logins enable always`,
  ],
  [
    'a collation of the built-in provider',
    17,
    `create collation c (provider = builtin, locale = 'C.UTF-8'); create table t (a text collate c)`,
  ],
  [
    'rights to maintain, JSON_TABLE, MERGE in a function, a subscription with failover',
    17,
    `create role maintains; create table t (id int primary key, j jsonb); grant maintain on t to maintains;
     create view v as select t.id, x.x from t, json_table(t.j, '$[*]' columns (x int path '$')) x;
     create function f() returns setof int language sql begin atomic
       merge into t using (select 1 as id) s on t.id = s.id when matched then update set j = null returning t.id; end;
     create subscription sub connection 'host=nowhere.invalid dbname=x' publication none
       with (connect = false, slot_name = none, failover = true)`,
  ],
  [
    'rights on large objects by default, OLD in RETURNING',
    18,
    `create role reads; alter default privileges grant select on large objects to reads; select lo_create(77);
     create table t (id int, j text); create view v as select * from t;
     create function f() returns int language sql begin atomic update t set j = null returning old.id; end;
     create rule r as on update to v do instead update t set j = new.j where id = old.id returning old.*`,
  ],
  [
    'NOT NULL constraints by names of their own, not inherited, not valid',
    18,
    `create table p (a int constraint named not null, b int constraint alone not null no inherit, c int);
     create table k () inherits (p); create table own (constraint mine not null a) inherits (p);
     insert into p (a, b) values (1, 1); alter table p add constraint later not null c not valid;
     create table q (a int not null) partition by list (a); create table q1 (a int constraint other_name not null);
     alter table q attach partition q1 default`,
  ],
  [
    'virtual generated columns',
    18,
    `create table t (a int, b int generated always as (a * 2) virtual, c int generated always as (a * 3) stored);
     insert into t values (1), (2); create table k () inherits (t); insert into k values (3)`,
  ],
  [
    'temporal keys',
    18,
    `create extension btree_gist; create table rooms (id int, at daterange, primary key (id, at without overlaps));
     create table stays (room int, at daterange, foreign key (room, period at) references rooms (id, period at));
     insert into rooms values (1, '[2026-01-01,2026-02-01)'); insert into stays values (1, '[2026-01-02,2026-01-03)')`,
  ],
  [
    'constraints that are not enforced',
    18,
    `create table p (id int primary key, a int constraint positive check (a > 0) not enforced);
     create table k () inherits (p); create table r (p int constraint known references p not enforced);
     insert into p values (1, -1); insert into r values (7);
     create table parted (p int) partition by list (p); create table part partition of parted default;
     insert into parted values (9); alter table parted add constraint late foreign key (p) references p not valid`,
  ],
  [
    'a publication of generated columns',
    18,
    `create table t (a int primary key, b int generated always as (a) stored);
     create publication generated for table t with (publish_generated_columns = stored)`,
  ],
];

describe.skipIf(!hasPostgres())('a database of a newer PostgreSQL', () => {
  let stage: FactStage;
  beforeAll(async () => {
    stage = await openFactStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.for(NEWER)('is equal to its copy: %s', async ([what, fromMajor, sql], { skip }) => {
    skip(stage.postgres.major < fromMajor, `PostgreSQL ${fromMajor} brought it`);
    const database = await stage.restored(what.slice(0, 50), sql);
    const source = await stage.factsOf(database);
    const { major } = stage.postgres;
    for (const args of [[], ['--inserts'], ...(major < 18 ? [] : [['--statistics', '--sequence-data']])]) {
      const copy = await stage.restored(
        `copy ${args.join('')} ${database}`.slice(0, 63),
        await stage.dumpOf(database, args),
      );
      expect(compareFacts({ source, tables: undefined }, await stage.factsOf(copy)).findings).toEqual([]);
    }
  });

  test('differs where what it brought is missing', async ({ skip }) => {
    skip(stage.postgres.major < 18, 'PostgreSQL 18 brought it');
    const sql = `create extension btree_gist; create table t (id int, a int check (a > 0) not enforced, at daterange,
      primary key (id, at without overlaps))`;
    const source = await stage.factsOf(await stage.restored('all of 18', sql));
    const lost = sql.replace('at without overlaps', 'at').replace('not enforced', '');
    const found = await stage.factsOf(await stage.restored('less than 18', lost));
    expect(differencesOf(compareFacts({ source, tables: undefined }, found)).toSorted()).toEqual([
      'table public.t: constraints differ',
      'table public.t: indexes differ',
    ]);
  });
});
