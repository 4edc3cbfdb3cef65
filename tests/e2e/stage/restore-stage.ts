import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeManifest } from '@pgstow/catalog/folder/write-record.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { execa } from 'execa';
import { launchCli } from './processes/run-cli.ts';
import type { Environment } from './settings-of.ts';

/** Runs `pgstow restore` to its end. */
export async function runRestore(args: readonly string[], env: Environment) {
  await using child = await launchCli(['restore', ...args], env);
  const { code } = await child.waitForExit();
  return { code, text: child.lines.map((line) => line.text).join('\n') };
}

type MakeBackupOptions = {
  readonly takenAt?: Date;
  /** Changes the SQL, whose bytes are read as latin1. */
  readonly change?: (sql: string) => string;
  /** Further fields of the manifest. */
  readonly more?: Partial<Manifest>;
};

export type BackupContent = { readonly manifest: Manifest; readonly sql: string };

/** Makes a backup by pg_dump alone, with a correct manifest, without the product's code. */
export async function makeBackup(
  postgres: PostgresServer,
  database: string,
  folder: string,
  { takenAt = new Date(), change = (sql) => sql, more = {} }: MakeBackupOptions = {},
): Promise<BackupContent> {
  const sql = change(await pgDump(postgres, database));
  const file = gzipSync(Buffer.from(sql, 'latin1'), { level: 1 });
  const seconds = new Date(Math.floor(takenAt.getTime() / 1000) * 1000);
  const name = formatBackupName(database, seconds);
  const manifest: Manifest = {
    version: 1,
    name,
    database,
    takenAt: seconds.toISOString(),
    origin: 'dumped',
    recordedAt: new Date().toISOString(),
    bytes: file.length,
    sha256: createHash('sha256').update(file).digest('hex'),
    sqlBytes: sql.length,
    ...more,
  };
  await writeFile(join(folder, name), file);
  await writeManifest(folder, manifest);
  return { manifest, sql };
}

export async function pgDump(postgres: PostgresServer, database: string, ...options: readonly string[]) {
  const { stdout } = await execa(join(postgres.binDir, 'pg_dump'), options, {
    env: { PATH: process.env['PATH'], ...postgres.env(database) },
    extendEnv: false,
    stripFinalNewline: false,
    encoding: 'latin1',
    maxBuffer: 1e9,
  });
  return stdout;
}

/** The content of a database: its schema as pg_dump writes it, and a digest of every row. */
export async function contentsOf(
  postgres: PostgresServer,
  database: string,
): Promise<Readonly<Record<string, string>>> {
  const schema = (await pgDump(postgres, database, '--schema-only')).replaceAll(/^\\(?:un)?restrict .*$/gm, '');
  const digests = await postgres.psql(database, DIGESTS);
  const sequences = await postgres.psql(
    database,
    "select format('%I.%I', schemaname, sequencename), last_value from pg_sequences order by 1",
  );
  const largeObjects = await postgres.psql(
    database,
    'select oid, md5(lo_get(oid)), lomowner::regrole, lomacl from pg_largeobject_metadata order by 1',
  );
  return { schema, digests, sequences, largeObjects };
}

const DIGESTS = String.raw`
create function pg_temp.digest(name text) returns text language plpgsql as $$
declare digest text;
begin
  execute format('select count(*) || '' '' || coalesce(md5(string_agg(md5(t::text), '''' order by t::text collate "C")), '''') from only %s t', name) into digest;
  return digest;
end $$;
select format('%I.%I', nspname, relname), pg_temp.digest(format('%I.%I', nspname, relname))
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'm') and relispopulated and nspname !~ '^pg_' and nspname <> 'information_schema' order by 1;`;
