import { listBackups, type Backup, type BackupList } from '@pgstow/backups/list-backups.ts';
import { describeSuspicion } from '@pgstow/catalog/policy/suspect-dump.ts';
import { describeTarget, formatTarget } from '@pgstow/shared/contract/target.ts';
import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { failure } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatAge, formatName, formatTime } from '../format/format-text.ts';
import { withoutSecrets } from '../format/keep-secrets.ts';
import { interruptible } from '../interruptible.ts';
import { fromOption, openPlaces } from '../places.ts';
import { readSettings, targetsNamed } from '../read-settings.ts';
import { chooseServers, serverOption } from '../servers/choose-servers.ts';
import { inServer } from '../servers/current-server.ts';

const EXAMPLES = `
How far a backup is proven:
  found      it has no manifest, and was never read
  unread     its manifest lies at the store alone, and was not read: --all reads it
  dumped     it was whole when it was written
  uploaded   the store has confirmed it
  restored   it was restored, and equals its source
  suspect    it has shrunk beyond belief or is of another server, however far it got: see pgstow accept
  bad        it was restored, and differs from its source: see pgstow list --json

Examples:
  pgstow list                every backup in folder and store
  pgstow list shop --long    those of one database, with the names of the files
  pgstow list --from s3      those in the store, without reading the folder
  pgstow list --json | jq '.backups[] | select(.state == "bad")'`;

/** Manifests that are read at a store, each by a request; what lies in the folder needs none. */
const MOST_READ = 500;

type ListOptions = {
  readonly json?: true;
  readonly long?: true;
  readonly all?: true;
  readonly server?: string;
  readonly from?: string;
};

/** `pgstow list`: every backup in folder and store. */
export function addList(pgstow: Command): void {
  pgstow
    .command('list')
    .description('show every backup, newest first: where it lies, and how far it is proven')
    .argument('[database]', 'only backups of this database, or of the globals')
    .option('--long', 'show the names of the files as well')
    .option('--all', 'read each manifest at the store: without it, those of the newest backups')
    .addOption(serverOption())
    .addOption(fromOption('read only this place'))
    .option('--json', 'print JSON (docs/command-line.md)')
    .addHelpText('after', EXAMPLES)
    .action((database: string | undefined, options: ListOptions) =>
      interruptible((signal) => showBackups(database, options, signal)),
    );
}

async function showBackups(
  database: string | undefined,
  { json, long, all, server, from }: ListOptions,
  signal: AbortSignal,
): Promise<void> {
  const now = new Date();
  const listed: Listed[] = [];
  for (const { server: of, named } of chooseServers(database, server))
    listed.push(await inServer(of, async () => ({ server: of, ...(await listServer(named, { all, from }, signal)) })));
  const faults = listed.flatMap((each) => each.faults);
  if (json === true)
    console.log(
      JSON.stringify(
        {
          backups: listed.flatMap((each) => each.backups.map((backup) => toJson(backup, each.server, now))),
          faults: faults.map(withoutSecrets),
        },
        undefined,
        2,
      ),
    );
  else if (listed.some(({ backups }) => backups.length > 0))
    console.log(listed.flatMap((each) => formatBackups(each, now, long === true)).join('\n\n'));
  else if (faults.length === 0) console.log(`no backup${database === undefined ? '' : ` of ${database}`} is known`);
  if (faults.length > 0) throw failure(faults.join('\n'));
}

type Listed = BackupList & { readonly server: string | undefined };

async function listServer(
  database: string | undefined,
  { all, from }: { readonly all: true | undefined; readonly from: string | undefined },
  signal: AbortSignal,
): Promise<BackupList> {
  using stack = new DisposableStack();
  return await listBackups({
    ...(await openPlaces(from, readSettings('backup', 'encryption', 'destinations'), stack)),
    databases: database === undefined ? undefined : targetsNamed(database),
    chooseManifests: all === true ? undefined : (names) => names.slice(0, MOST_READ),
    signal,
  });
}

/** A table for each database of a server, in the order of their names. */
function formatBackups({ server, backups }: Listed, now: Date, isLong: boolean): readonly string[] {
  const heading = ['TIME (UTC)', 'AGE', 'SIZE', 'ROWS', 'LIES', 'PROVEN', ...(isLong ? ['SERVER', 'NAME'] : [])];
  const byDatabase = [...Map.groupBy(backups, ({ database }) => database)].sort(([a], [b]) => (a < b ? -1 : 1));
  return byDatabase.map(([database, theirs]) => {
    const rows = theirs.map((each) => [
      formatTime(each.takenAt),
      formatAge(each.takenAt, now),
      each.bytes === undefined ? '?' : prettyBytes(each.bytes),
      each.rows?.toLocaleString('en') ?? '?',
      each.places.join(' '),
      each.pin === undefined ? each.state : `${each.state}, pinned`,
      ...(isLong ? [each.manifest?.identity?.address ?? '?', each.name] : []),
    ]);
    return `${formatName(formatTarget({ server, database }))}\n${formatTable(heading, rows, [1, 2, 3])}`;
  });
}

/** Documented in docs/command-line.md: fields are added, never changed. */
function toJson(backup: Backup, server: string | undefined, now: Date): Readonly<Record<string, unknown>> {
  const { name, database, takenAt, bytes, rows, manifest, places, state, restoreTest, acceptedAt, pin } = backup;
  return {
    name,
    ...(server === undefined ? {} : { server }),
    database: describeTarget(database),
    takenAt: takenAt.toISOString(),
    ageSeconds: Math.round((now.getTime() - takenAt.getTime()) / 1000),
    bytes: bytes ?? null,
    sqlBytes: manifest?.sqlBytes ?? null,
    rows: rows ?? null,
    sha256: manifest?.sha256 ?? null,
    source: manifest?.identity ?? null,
    places,
    state,
    restoreTest: restoreTest === undefined ? null : restoreTestJson(restoreTest),
    suspect: manifest?.suspect === undefined ? null : describeSuspicion(manifest.suspect, manifest),
    acceptedAt: acceptedAt?.toISOString() ?? null,
    ...(pin === undefined ? {} : { pinned: { at: pin.pinnedAt, reason: pin.reason ?? null } }),
  };
}

export function restoreTestJson(test: NonNullable<Backup['restoreTest']>): Readonly<Record<string, unknown>> {
  return {
    name: test.name,
    from: test.destination,
    result: test.result,
    reason: test.reason ?? null,
    differences: test.differences,
    differenceCount: test.differenceCount,
    notes: test.notes,
    acceptedAt: test.acceptedAt ?? null,
    testedAt: test.testedAt,
    durationMs: test.durationMs,
    restoreMs: test.restoreMs ?? null,
    checks: test.checks ?? null,
    rehearsal: test.rehearsal ?? null,
  };
}
