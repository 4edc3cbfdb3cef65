import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { execa } from 'execa';

/** `src/test/regress` of PostgreSQL's sources, with `regress.so` built, for the version that is tested; none unless given. */
export const REGRESSION_SOURCES = process.env['PGSTOW_TEST_REGRESSION'];

/** Tests that make nothing that stays, or need a folder for a tablespace. */
const LEFT_OUT = new Set(['tablespace', 'stats', 'vacuum_parallel']);

/**
 * Fills a database with what PostgreSQL's own tests leave behind: some 1,900 relations of every kind. It runs their SQL as pg_regress
 * does, one after the other, and ignores what they answer.
 * Source: https://www.postgresql.org/docs/current/regress.html
 */
export async function fillRegressionDatabase(
  postgres: PostgresServer,
  database: string,
  sources: string,
): Promise<void> {
  await postgres.psql('postgres', `create database ${database} template template0 encoding 'UTF8' locale 'C'`);
  await using build = await tempFolder('pgstow-regress-', unprivilegedUser());
  // The server writes there.
  await mkdir(join(build.path, 'results'));
  await chmod(join(build.path, 'results'), 0o777);
  const schedule = await readFile(join(sources, 'parallel_schedule'), 'utf8');
  const tests = [...schedule.matchAll(/^test:(.*)$/gm)].flatMap(([, names = '']) => names.trim().split(/\s+/));
  for (const name of tests.filter((test) => !LEFT_OUT.has(test)))
    await execa(
      join(postgres.binDir, 'psql'),
      ['-X', '-q', '-v', 'HIDE_TABLEAM=on', '-v', 'HIDE_TOAST_COMPRESSION=on', '-f', `sql/${name}.sql`],
      {
        cwd: sources,
        env: {
          PATH: process.env['PATH'],
          ...postgres.env(database),
          PGTZ: 'PST8PDT',
          PGDATESTYLE: 'Postgres, MDY',
          PG_ABS_SRCDIR: sources,
          PG_ABS_BUILDDIR: build.path,
          PG_LIBDIR: sources,
          PG_DLSUFFIX: '.so',
        },
        extendEnv: false,
        reject: false,
        stdout: 'ignore',
        stderr: 'ignore',
      },
    );
}
