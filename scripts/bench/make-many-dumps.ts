import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { S3Destination } from '@pgstow/shared/contract/destination.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName, type Receipt } from '@pgstow/shared/contract/receipt.ts';

export type ManyDumpsOptions = {
  readonly dumps: number;
  readonly databases: readonly string[];
  /** 100 make a manifest of 35 kB. */
  readonly tables: number;
  /** Where each of them is confirmed; none is, unless given. */
  readonly destination?: Pick<S3Destination, 'name' | 'bucket' | 'prefix' | 'endpoint'> | undefined;
};

/** Fills a folder with proven dumps, a day apart, in turn of the databases. The content of each is its name. */
export function makeManyDumps(
  folder: string,
  { dumps, databases, tables, destination }: ManyDumpsOptions,
): readonly Manifest[] {
  mkdirSync(folder, { recursive: true });
  const facts = describeTables(tables);
  const made: Manifest[] = [];
  for (let index = 0; index < dumps; index += 1) {
    const database = databases[index % databases.length] ?? '';
    const takenAt = new Date(Date.now() - 60_000 - Math.floor(index / databases.length) * 86_400_000);
    const name = formatBackupName(database, takenAt);
    const manifest = describeDump(name, database, takenAt, facts);
    writeFileSync(join(folder, name), name);
    writeRecord(folder, manifestFileName(name), manifest);
    if (destination !== undefined)
      writeRecord(folder, receiptFileName(name, destination.name), confirm(manifest, destination));
    made.push(manifest);
  }
  return made;
}

/** Writes a record in the workers' format, but without a sync of each file. */
function writeRecord(folder: string, file: string, record: Manifest | Receipt): void {
  writeFileSync(join(folder, file), `${JSON.stringify(record, undefined, 2)}\n`);
}

type Described = Pick<Manifest, 'tables' | 'source'>;

function describeTables(count: number): Described {
  const names = Array.from({ length: count }, (_, index) => `public.measurements_of_station_${index}`);
  const tables = Object.fromEntries(names.map((name, index) => [name, 1000 + index]));
  const parts = ['columns', 'constraints', 'indexes', 'triggers', 'privileges', 'owner'];
  const digests = Object.fromEntries(parts.map((part, index) => [part, String(index).repeat(8)]));
  return {
    tables,
    source: {
      databaseBytes: 50_000_000,
      encoding: 'UTF8',
      collate: 'C.UTF-8',
      ctype: 'C.UTF-8',
      extensions: { plpgsql: '1.0' },
      counted: 'exact',
      tables,
      sequences: {},
      largeObjects: 0,
      objects: Object.fromEntries(names.map((name) => [`table ${name}`, digests])),
      descriptionVersion: 2,
      schemaSha256: 'b'.repeat(64),
    },
  };
}

function describeDump(name: BackupName, database: string, takenAt: Date, { tables, source }: Described): Manifest {
  return {
    version: 1,
    name,
    database,
    takenAt: takenAt.toISOString(),
    origin: 'dumped',
    recordedAt: takenAt.toISOString(),
    bytes: name.length,
    sha256: createHash('sha256').update(name).digest('hex'),
    sqlBytes: 16_000_000,
    tables,
    roles: ['app', 'postgres'],
    serverVersion: '15.18',
    identity: {
      systemIdentifier: '7300000000000000001',
      databaseOid: 16_384,
      address: 'db:5432',
      startedAt: '2026-01-01 00:00:00.000000+00',
    },
    needs: { settings: [], monetaryLocale: 'C', tablespaces: [], owner: 'app' },
    source,
    compressor: 'igzip',
    pgDumpVersion: '15.18',
    durationMs: 1500,
  };
}

function confirm(
  { name, bytes, sha256, recordedAt }: Manifest,
  { name: destination, bucket, prefix, endpoint }: NonNullable<ManyDumpsOptions['destination']>,
): Receipt {
  return {
    version: 1,
    name,
    destination,
    endpoint,
    bucket,
    key: prefix + name,
    bytes,
    sha256,
    confirmedBy: 'etag',
    etag: createHash('md5').update(name).digest('hex'),
    confirmedAt: recordedAt,
  };
}
