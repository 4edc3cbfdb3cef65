import { open } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { makeLocales, speaks } from '@pgstow/testing/machine/make-locales.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startStandby } from '@pgstow/testing/servers/standby.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { testedClients } from '../../testing/tested-clients.ts';
import type { Clients } from '../client/client-version.ts';
import { PsqlSession } from '../client/psql-session.ts';
import { chooseCompressor } from './compressor.ts';
import { pgDump } from './pg-dump.ts';

const GB = 1024 ** 3;
const never = new AbortController().signal;

describe.skipIf(!hasPostgres())('a dump that the server breaks off', () => {
  const cleanup = new AsyncDisposableStack();
  let server: PostgresServer;
  let clients: Clients;
  beforeAll(async () => {
    const settings = { wal_level: 'replica', max_wal_senders: '4' };
    server = cleanup.use(await startPostgres({ settings }));
    clients = await testedClients();
    await server.createDatabase('shop');
    await server.psql('shop', 'create table held (); create table busy (i int)');
  });
  afterAll(() => cleanup.disposeAsync());

  async function dump(env: Readonly<Record<string, string>>) {
    await using folder = await tempFolder();
    await using file = await open(join(folder.path, 'dump.sql.gz'), 'wx');
    await pgDump({
      clients,
      compressor: await chooseCompressor('auto'),
      database: 'shop',
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', ...env },
      extraOptions: [],
      file,
      timeoutMs: 600_000,
      stallTimeoutMs: 600_000,
      signal: never,
      onProgress: () => undefined,
    });
  }

  for (const language of ['C', 'de_DE.UTF-8']) {
    it.skipIf(!speaks(language))(`as a standby that follows its primary, in the language of ${language}`, async () => {
      await server.psql('shop', 'insert into busy select generate_series(1, 1000)');
      await using locales = await makeLocales(language);
      await using standby = await startStandby(server, {
        localeFolder: locales.path,
        settings: { lc_messages: language },
      });
      const env = { ...server.env('shop'), PGPORT: String(standby.port) };
      // The dump waits for a lock of the primary, with a snapshot in which the deleted rows are still there.
      await using deleting = await PsqlSession.start(clients, server.env('shop'), never);
      await deleting.run('begin');
      await deleting.run('delete from public.busy');
      await using primary = await PsqlSession.start(clients, server.env('shop'), never);
      await primary.run('begin');
      await primary.run('lock table public.held in access exclusive mode');
      // What is committed takes the lock along to the standby.
      await server.psql('shop', 'create table if not exists flushed ()');
      await server.psql('shop', 'insert into flushed default values');
      await using watch = await PsqlSession.start(clients, { ...env, PGDATABASE: 'postgres' }, never);
      const isLocked =
        "select to_jsonb(count(*)) from pg_locks where locktype = 'relation' and mode = 'AccessExclusiveLock'";
      await eventually(async () => expect(await watch.queryRow(isLocked, z.number())).toBe(1));
      const dumped = dump(env).catch((error: unknown) => error);
      const waiting =
        "select to_jsonb(count(*)) from pg_stat_activity where wait_event_type = 'Lock' and query like 'LOCK%'";
      await eventually(async () => expect(await watch.queryRow(waiting, z.number())).toBe(1));
      await deleting.run('commit');
      await server.psql('shop', 'vacuum busy');
      expect(await dumped).toMatchObject({
        name: 'RetryableError',
        hint: expect.stringMatching(/^The source is a standby.*hot_standby_feedback/),
      });
    });
  }

  it.skipIf(freemem() < 6 * GB).each([
    ['bytea of 560 MB', 'b bytea', { b: "convert_to(repeat('x', 560000000), 'UTF8')" }, 'invalid memory alloc'],
    [
      'row of 1.25 GB',
      'a text, b text, c text, d text, e text',
      Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((column) => [column, "repeat('x', 250000000)"])),
      'Cannot enlarge',
    ],
  ])('for a %s, says whose it is and how to go without', async (_what, columns, values, said) => {
    await server.psql('shop', `create table "Big" (${columns}); insert into "Big" default values`);
    // A row of this size cannot be written at once.
    for (const [column, value] of Object.entries(values))
      await server.psql('shop', `update "Big" set ${column} = ${value}`);
    const error = await dump(server.env('shop')).catch((cause: unknown) => cause);
    await server.psql('shop', 'drop table "Big"');
    expect(error).toMatchObject({
      name: 'PermanentError',
      message: expect.stringContaining(said),
      hint: expect.stringContaining(`POSTGRES_EXTRA_OPTS='--exclude-table-data=public."Big"'.`),
    });
  });
});
