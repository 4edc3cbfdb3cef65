import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { hasPgbouncer, startPgbouncer } from '@pgstow/testing/servers/pgbouncer.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import { askServer } from '../facts/server-facts.ts';
import { assertUnpooled } from './assert-unpooled.ts';
import type { Clients } from './client-version.ts';
import { PsqlSession } from './psql-session.ts';

describe.skipIf(!hasPostgres() || !hasPgbouncer())('a connection pooler', { concurrent: true }, () => {
  const { signal } = new AbortController();
  let postgres: PostgresServer;
  let clients: Clients;
  beforeAll(async () => {
    postgres = await startPostgres();
    clients = await testedClients();
    await postgres.createDatabase('shop');
    await postgres.psql(
      'shop',
      `create table t as select 1 as a; create role single login password 'p' connection limit 1`,
    );
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const envOf = (port: number, user = postgres.user, password = postgres.password) => ({
    PATH: process.env['PATH'] ?? '',
    LC_ALL: 'C.UTF-8',
    ...postgres.env('shop'),
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
  });

  const open = async (env: Readonly<Record<string, string>>): Promise<void> => {
    await using _session = await PsqlSession.start(clients, env, signal, { assert: assertUnpooled });
  };

  it.each(['transaction', 'statement'] as const)(
    'in %s mode is refused before anything is set that an application would meet',
    async (mode) => {
      await using pooler = await startPgbouncer(postgres, mode);
      const env = envOf(pooler.port);
      await using folder = await tempFolder();
      const query = join(folder.path, 'query.sql');
      await writeFile(query, 'select a from t;');
      await using application = await BoundProcess.start({
        command: `${clients.folder}/pgbench`,
        args: [
          '--no-vacuum',
          '--client=4',
          '--rate=300',
          '--time=600',
          '--progress=1',
          '--max-tries=1',
          `--file=${query}`,
        ],
        env,
      });
      // Once the pooler's connections are older than any of ours can be.
      await application.waitForLine(/^progress: [3-9]/);
      const refused = askServer(clients, env, signal);
      await expect(refused).rejects.toMatchObject({
        message: 'database "shop" is reached through a connection pooler in transaction mode',
        hint: expect.stringContaining('pool_mode = session'),
      });
      for (let again = 0; again < 3; again += 1) await expect(open(env)).rejects.toThrow(/pooler/);
      // Its queries ran all the while.
      await application.waitForLine(/progress/, { fromLine: application.lines.length });
      expect(application.tail).not.toMatch(/does not exist|aborted/);
    },
  );

  it('in session mode will do', async () => {
    await using pooler = await startPgbouncer(postgres, 'session');
    const old = `select count(*) from pg_stat_activity where datname = 'pooled' and now() - backend_start > '3 s'`;
    await postgres.createDatabase('pooled');
    const env = { ...envOf(pooler.port), PGDATABASE: 'pooled' };
    await expect(open(env)).resolves.toBeUndefined();
    await eventually(async () => (await postgres.psql('postgres', old)) !== '0');
    await expect(open(env)).resolves.toBeUndefined();
  });

  it('is not seen in a server, nor in one that lets a role in once only', async () => {
    await expect(open(envOf(postgres.port))).resolves.toBeUndefined();
    await expect(open(envOf(postgres.port, 'single', 'p'))).resolves.toBeUndefined();
  });
});
