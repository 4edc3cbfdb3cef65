import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { UNUSUAL_DATABASE } from '@pgstow/testing/schemas/unusual-database.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFactStage, type FactStage } from '../../testing/fact-stage.ts';
import { compareFacts } from './compare-facts.ts';

/** States of a schema that pg_dump does not write. A database that has one is as good a source as any. */
const UNWRITTEN: readonly (readonly [what: string, sql: string, untilMajor?: number])[] = [
  [
    'a replica identity by an index that is gone',
    `create table t (id int not null); create unique index i on t (id);
     alter table t replica identity using index i; drop index i`,
  ],
  [
    'an operator that another one named, and has no function',
    `create function f(int, text) returns bool language sql as 'select true';
     create operator @@@ (leftarg = int, rightarg = text, function = f, commutator = @@=); drop operator @@@ (int, text)`,
  ],
  [
    "a child without its parent's primary key",
    `create table p (id int); create table k () inherits (p); alter table only p add primary key (id)`,
    17,
  ],
  [
    "a grandchild without its grandparent's NOT NULL",
    `create table p (a int, b int); create table k () inherits (p); create table kk () inherits (k);
     alter table only p alter a set not null`,
  ],
  [
    'a CHECK that a child alone has validated',
    `create table p (a int); create table k () inherits (p);
     alter table p add constraint c check (a > 0) not valid; alter table k validate constraint c`,
  ],
  [
    'a child without the default of its parent, whose domain has another',
    `create domain d as int default 7; create table p (a d default 5); create table k () inherits (p);
     alter table k alter a drop default`,
  ],
  ['a NOT NULL of a domain by a name of its own', `create domain d as int constraint named not null`],
  [
    'parents in another order',
    `create table p1 (a int); create table p2 (b int); create table k () inherits (p1, p2);
     alter table k no inherit p1; alter table k inherit p1`,
  ],
  [
    'an index that could not be built',
    `create table t (a int); insert into t values (1), (1);
     create unique index i on t (a) where a > 5; update pg_index set indisvalid = false where indexrelid = 'i'::regclass`,
  ],
  [
    'an index, statistics and a trigger on the table of an extension',
    `create extension hstore; create table member (a int, b int); create index on member (a); create statistics s on a, b from member;
     alter extension hstore add table member`,
  ],
  [
    'the table of an extension in a publication',
    `create extension hstore; create table member (a int); create publication p for table member;
     alter extension hstore add table member`,
    17,
  ],
  [
    'a domain that dropped the default of its base',
    `create domain a as int default 1; create domain b as a; alter domain b drop default; create domain c as b`,
  ],
  ['a type that was announced and never made', `create type announced`],
];

describe.skipIf(!hasPostgres())('a database whose schema pg_dump does not write whole', () => {
  let stage: FactStage;
  beforeAll(async () => {
    stage = await openFactStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const compareWithCopy = async (database: string) => {
    const copy = await stage.restored(`${database} copy`, await stage.dumpOf(database));
    return compareFacts({ source: await stage.factsOf(database), tables: undefined }, await stage.factsOf(copy));
  };

  test.for(UNWRITTEN)('is equal to its copy: %s', async ([what, sql, untilMajor], { skip }) => {
    skip(
      untilMajor !== undefined && untilMajor < stage.postgres.major,
      'this PostgreSQL does not let it be, or its pg_dump writes it',
    );
    const database = what.slice(0, 50);
    await stage.restored(database, sql);
    expect((await compareWithCopy(database)).findings).toEqual([]);
  });

  test('is equal to its copy, with all that PostgreSQL allows and few have', async () => {
    await stage.restored('unusual', UNUSUAL_DATABASE);
    expect((await compareWithCopy('unusual')).findings).toEqual([]);
  });

  test('loses what a materialized view holds that reads an empty one, and says so', async () => {
    await stage.restored(
      'empty',
      `create materialized view b as select 1 a; create view between as select a from b;
       create materialized view a as select a from between; create materialized view full_one as select 1;
       refresh materialized view b with no data`,
    );
    const { findings, notes } = await compareWithCopy('empty');
    expect(findings).toEqual([]);
    expect(notes).toContain('materialized view public.a comes back empty: it reads one that is not populated');
    expect(notes.join('\n')).not.toContain('full_one');
  });

  test('loses what lies in schemas of PostgreSQL itself, and what somebody added to an extension, and says so', async () => {
    await stage.restored(
      'hidden',
      `create function pg_catalog.mine() returns int language sql as 'select 1';
       create extension hstore; create table added (a int); insert into added values (1); alter extension hstore add table added`,
    );
    const { findings, notes } = await compareWithCopy('hidden');
    expect(findings).toEqual([]);
    expect(notes).toContain('pg_dump leaves out what was made in schemas of PostgreSQL itself: function mine()');
    expect(notes).toContain('table public.added is missing: it belongs to extension hstore, which does not make it');
  });
});
