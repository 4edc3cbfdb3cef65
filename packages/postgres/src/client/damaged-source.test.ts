import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeLocales, speaks } from '@pgstow/testing/machine/make-locales.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { testedClients } from '../../testing/tested-clients.ts';
import { chooseCompressor } from '../dump/compressor.ts';
import { pgDump } from '../dump/pg-dump.ts';
import type { Clients } from './client-version.ts';
import { PsqlSession, StatementError } from './psql-session.ts';

const PAGE_BYTES = 8192;
const never = new AbortController().signal;
const HINT = /^The server cannot read its own data: files of the source are damaged/;

for (const language of ['C', 'de_DE.UTF-8'])
  describe.skipIf(!speaks(language))(`a source whose files are damaged, in the language of ${language}`, () => {
    const cleanup = new AsyncDisposableStack();
    let server: PostgresServer;
    let clients: Clients;

    beforeAll(async () => {
      const localeFolder = cleanup.use(await makeLocales(language)).path;
      server = cleanup.use(await startPostgres({ localeFolder }));
      clients = await testedClients();
      await server.createDatabase('shop');
      await server.psql(
        'shop',
        `create table page as select repeat('x', 200) as a from generate_series(1, 500);
         create table gone as table page;
         create table far (a text); alter table far alter a set storage external;
         insert into far select repeat(md5(i::text), 300) from generate_series(1, 20) i; checkpoint`,
      );
      const pathOf = async (relation: string) =>
        join(server.dataDir, await server.psql('shop', `select pg_relation_filepath(${relation})`));
      const paths = {
        page: await pathOf("'page'"),
        gone: await pathOf("'gone'"),
        far: await pathOf("(select reltoastrelid from pg_class where relname = 'far')"),
      };
      await server.stop();
      await overwrite(paths.page, 1, 0xab);
      await overwrite(paths.far, 2, 0);
      await rm(paths.gone);
      await server.restart();
      await server.psql('postgres', `alter system set lc_messages = '${language}'`);
      await server.psql('postgres', 'select pg_reload_conf()');
    });
    afterAll(() => cleanup.disposeAsync());

    async function overwrite(path: string, page: number, byte: number, bytes = PAGE_BYTES): Promise<void> {
      await using file = await open(path, 'r+');
      await file.write(Buffer.alloc(bytes, byte), 0, bytes, page * PAGE_BYTES);
    }

    async function dumpOf(table: string): Promise<unknown> {
      await using folder = await tempFolder();
      await using file = await open(join(folder.path, 'dump.sql.gz'), 'wx');
      return await pgDump({
        clients,
        compressor: await chooseCompressor('auto'),
        database: 'shop',
        env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', ...server.env('shop') },
        extraOptions: [`--table=${table}`],
        file,
        timeoutMs: 60_000,
        stallTimeoutMs: 60_000,
        signal: never,
        onProgress: () => undefined,
      }).catch((error: unknown) => error);
    }

    // Why a file cannot be opened, the system's words alone tell: it is no damage if too many are open.
    it.each(language === 'C' ? ['page', 'far', 'gone'] : ['page', 'far'])(
      'fails a dump for good, and says what to do: %s',
      async (table) => {
        const error = await dumpOf(table);
        expect(error).toMatchObject({ name: 'PermanentError', hint: expect.stringMatching(HINT) });
        expect(error).toMatchObject({ hint: expect.stringContaining(`--exclude-table-data=public.${table}.`) });
      },
    );

    it('fails a count with the same hint', async () => {
      await using session = await PsqlSession.start(clients, server.env('shop'), never);
      const count = session.queryRow('select to_jsonb(count(*)) from public.page', z.number());
      const error = await count.catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(StatementError);
      expect(error).toMatchObject({ hint: expect.stringMatching(HINT) });
    });

    it('lets nobody in where the map of its files is damaged', async () => {
      const oid = await server.psql('shop', "select oid from pg_database where datname = 'shop'");
      await overwrite(join(server.dataDir, 'base', oid, 'pg_filenode.map'), 0, 0xab, 8);
      const error = await PsqlSession.start(clients, server.env('shop'), never).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: 'PermanentError', hint: expect.stringMatching(HINT) });
    });
  });
