import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFactStage, type FactStage } from '../../testing/fact-stage.ts';
import { listRefused } from './list-refused.ts';

describe.skipIf(!hasPostgres())('what a server refuses of a schema', () => {
  let stage: FactStage;
  beforeAll(async () => {
    stage = await openFactStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const refused = async (database: string, sql: string) => {
    await using folder = await tempFolder();
    const path = join(folder.path, 'dump.sql.gz');
    await writeFile(path, gzipSync(sql));
    await stage.postgres.createDatabase(database);
    const { clients } = stage;
    const { signal } = new AbortController();
    const errors = await listRefused({ clients, env: stage.envOf(database), path, signal });
    return errors.map(({ summary }) => summary);
  };
  const SCHEMA = `create table t (id int primary key, "a
b" text); insert into t select i, 'x' || i from generate_series(1, 3000) i;
    create table gone (a int, b text); insert into gone values (1, '\\! id'), (2, ');'); create table "line
break" (a int); insert into "line
break" values (1); create view v as select id from t; create view w as select id from v;
    create function f() returns int language sql as 'select 1'; create index on gone (a)`;

  test('is nothing of a schema that it can have, and no rows come', async () => {
    const sql = await stage.dumpOf(await stage.restored('whole', SCHEMA));
    expect(await refused('whole again', sql)).toEqual([]);
    expect(await stage.postgres.psql('whole again', 'select count(*) from t')).toBe('0');
  });

  test('is named, an error for each object, and what follows from it', async () => {
    const dump = await stage.dumpOf(await stage.restored('refusing', SCHEMA));
    const sql = dump
      .replace('CREATE TABLE public.gone (', 'CREATE TABLE public.gone (x nosuchtype,')
      .replace(/(CREATE VIEW public.v AS\s+SELECT) (?:t\.)?id/, '$1 nosuchcolumn')
      .replace('LANGUAGE sql', 'LANGUAGE nosuch');
    expect(await refused('refused', sql)).toEqual([
      'function public.f(): language "nosuch" does not exist (42704)',
      'table public.gone: type "nosuchtype" does not exist (42704)',
      'view public.v: column "nosuchcolumn" does not exist (42703)',
      'view public.w: relation "public.v" does not exist (42P01)',
      'index public.gone_a_idx: relation "public.gone" does not exist (42P01)',
    ]);
  });
});
