import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { allRecorded, readFolder, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { readFound } from '@pgstow/catalog/folder/read-targets.ts';
import { describeCopies, judgeCopies, type Copies } from '@pgstow/catalog/policy/copies-policy.ts';
import { judgeHealth, type Health } from '@pgstow/catalog/policy/health-policy.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { lastRestoreTest } from '@pgstow/catalog/policy/last-restore-test.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { goneFrom, scheduledTargets, targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { describeRehearsal } from '@pgstow/shared/contract/describe-rehearsal.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { FoundDatabase } from '@pgstow/shared/contract/found-databases.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { describeTarget, formatTarget } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Command } from 'commander';
import { shellWord } from '../doctor/shell-word.ts';
import { exitCodes, ExitError, failure } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatAge, formatName } from '../format/format-text.ts';
import { withoutSecrets } from '../format/keep-secrets.ts';
import { interruptible } from '../interruptible.ts';
import { readNextRuns } from '../read-next-runs.ts';
import { readSettings } from '../read-settings.ts';
import { chooseServers, serverOption } from '../servers/choose-servers.ts';
import { currentServer, inServer, inTargets } from '../servers/current-server.ts';
import { readTargetsInForce } from '../servers/targets-in-force.ts';
import { restoreTestJson } from './list.ts';
import { forget, showAllSites } from './show-all-sites.ts';

const EXAMPLES = `
A database is healthy if its newest confirmed backup is younger than two intervals and an hour, or for a cron pattern
misses one run at most; if no dump waits too long for its upload; if its newest restore test is not bad; and, where they
are on, if restore tests come to a verdict within two intervals and a day, or for a cron pattern in one of two runs.
It reads the records in the backup folder and does not ask the store, as pgstow list does.

Exit code: 0 if all are healthy, 6 if one is not, 1 if something could not be read and the rest is healthy.

Example, in a crontab:
  0 8 * * *  pgstow status >/tmp/pgstow.txt 2>&1 || mail -s 'backups' me@example.com </tmp/pgstow.txt`;

/** `pgstow status`: a line for each configured database. */
export function addStatus(pgstow: Command): void {
  pgstow
    .command('status')
    .description('show whether each configured database is backed up, and if not, why')
    .option('--all-sites', 'show every site of this Redis instead, as its scheduler summed it up')
    .option('--forget-site <site>', 'forget a site that is no more')
    .addOption(serverOption())
    .option('--json', 'print JSON (docs/command-line.md)')
    .addHelpText('after', EXAMPLES)
    .action(({ allSites, forgetSite, server, json }: StatusOptions) => {
      if (forgetSite !== undefined) return forget(forgetSite);
      if (allSites === true) return showAllSites(json === true);
      return interruptible((signal) => showStatus(json === true, server, signal));
    });
}

type StatusOptions = {
  readonly allSites?: true;
  readonly forgetSite?: string;
  readonly server?: string;
  readonly json?: true;
};

type Status = Health<KnownDump> & {
  /** `undefined`: that of stack.env. */
  readonly server: string | undefined;
  readonly database: string;
  /** Whether backups stay in the folder alone. */
  readonly isLocal: boolean;
  readonly lastUpload: { readonly name: string; readonly confirmedAt: Date } | undefined;
  readonly lastRestoreTest: RestoreTest | undefined;
  readonly nextRun: Date | undefined;
  /** Where there is more than one bucket. */
  readonly copies?: Copies | undefined;
  /** The last upload to each destination, there. */
  readonly uploads?: Readonly<Record<string, Status['lastUpload']>>;
};

async function showStatus(isJson: boolean, server: string | undefined, signal: AbortSignal): Promise<void> {
  const now = new Date();
  const { text, fault } = await readTargetsInForce(signal);
  const read = await inTargets(text, () =>
    Promise.all(chooseServers(undefined, server).map((each) => inServer(each.server, () => readServerStatus(now)))),
  );
  const statuses = read.flatMap((each) => each.statuses);
  const faults = [...new Set([...(fault === undefined ? [] : [fault]), ...read.flatMap((each) => each.faults)])];
  const gone = read.flatMap((each) => each.gone ?? []);
  if (isJson) console.log(toJson(statuses, read.some((each) => each.gone !== undefined) ? gone : undefined, faults));
  else {
    const copies = describeCopies(
      statuses.map((each) => ({ shown: formatName(formatTarget(each)), copies: each.copies })),
    );
    console.log([formatStatuses(statuses, now), ...copies, ...gone.map((each) => describeGone(each, now))].join('\n'));
  }

  const ill = statuses.filter(({ isHealthy }) => !isHealthy);
  const because = faults.length === 0 ? '' : `\n${faults.join('\n')}`;
  if (ill.length > 0)
    throw new ExitError(exitCodes.notHealthy, `not healthy: ${ill.map(formatTarget).join(', ')}${because}`);
  if (faults.length > 0) throw failure(`not all could be read:${because}`);
}

type ServerStatus = {
  readonly statuses: readonly Status[];
  /** Databases that are gone, of which backups are kept; `undefined` where all are named. */
  readonly gone: readonly Gone[] | undefined;
  readonly faults: readonly string[];
};

type Gone = FoundDatabase & { readonly server: string | undefined; readonly kept: number };

async function readServerStatus(now: Date): Promise<ServerStatus> {
  const settings = readSettings('postgres', 'schedule', 'verify', 'backup', 'destinations', 'redis');
  const { postgres, schedule, verify, backup, redis } = settings;
  const destinations = placesOf(settings.destinations);
  const server = currentServer();
  const targets = readTargetsOf(backup.folder, postgres);
  const [folder, plan] = await Promise.all([
    readDumps(backup.folder),
    readNextRuns(targets.databases, scheduledTargets(postgres), redis),
  ]);
  const byDatabase = folder.dumps && Map.groupBy(folder.dumps, ({ manifest }) => manifest.database);
  // A lone bucket is said enough of by its column.
  const isSeveral = destinations.length > 1 || destinations.some((destination) => 'folder' in destination);
  const statuses = targets.databases.map((database): Status => {
    const dumps = byDatabase && (byDatabase.get(database) ?? []);
    const known = judgeHealth({
      dumps: dumps ?? [],
      schedule,
      destinations,
      restoreTests: verify.schedule,
      verdictWantedSince: plan.wantedSince.get(database)?.verdict,
      now,
    });
    const health = dumps === undefined ? { ...known, reasons: ['its backups are not known'] } : known;
    return {
      ...health,
      server,
      database,
      isLocal: destinations.length === 0,
      lastUpload: lastUploadOf(known.newestConfirmed, destinations),
      lastRestoreTest: lastRestoreTest((dumps ?? []).flatMap(({ restoreTests }) => [...restoreTests.values()])),
      nextRun: plan.nextRuns.get(database),
      ...(isSeveral && dumps !== undefined
        ? { copies: judgeCopies(dumps, destinations, now), uploads: uploadsOf(dumps, destinations) }
        : {}),
    };
  });
  const gone = targets.gone.map((each) => ({ ...each, server, kept: byDatabase?.get(each.database)?.length ?? 0 }));
  // What was released since is forgotten by the next look at the server.
  const left = gone.filter(({ kept }) => byDatabase === undefined || kept > 0);
  const faults = [...folder.faults, ...targets.faults, ...plan.faults];
  return { statuses, gone: postgres.patterns.length === 0 ? undefined : left, faults };
}

/** The targets of now, and what is gone. What cannot be read is a fault: then only what the settings name is known. */
function readTargetsOf(
  folder: string,
  postgres: PostgresConfig,
): {
  readonly databases: readonly string[];
  readonly gone: readonly FoundDatabase[];
  readonly faults: readonly string[];
} {
  try {
    const found = readFound(folder, postgres);
    return { databases: targetsOf(postgres, found), gone: goneFrom(postgres, found), faults: [] };
  } catch (error) {
    return { databases: targetsOf(postgres, undefined), gone: [], faults: [describeError(error)] };
  }
}

function describeGone({ server, database, goneSince = '', renamedTo, kept }: Gone, now: Date): string {
  const name = formatTarget({ server, database });
  const what = renamedTo === undefined ? 'gone from the server' : `renamed to ${formatName(renamedTo)}`;
  const since = `${what} for ${formatAge(new Date(goneSince), now)}`;
  const stay = kept === 1 ? 'its backup in the folder stays' : `its ${kept} backups in the folder stay`;
  return `${formatName(name)}: ${since}; ${stay} until: pgstow release ${shellWord(name)}`;
}

async function readDumps(
  folder: string,
): Promise<{ readonly dumps: readonly KnownDump[] | undefined; readonly faults: readonly string[] }> {
  try {
    const contents = await readFolder(folder);
    return { dumps: allRecorded(contents), faults: contents.faults };
  } catch (error) {
    return {
      dumps: undefined,
      faults: [`the backup folder cannot be read: ${describeError(unreadableFolder(error, folder))}`],
    };
  }
}

/** The newest upload that each destination confirmed. @param dumps oldest first */
function uploadsOf(dumps: readonly KnownDump[], destinations: readonly Destination[]): NonNullable<Status['uploads']> {
  return Object.fromEntries(
    destinations.map((destination) => {
      const newest = dumps.findLast((dump) => isConfirmed(dump, destination));
      return [destination.name, lastUploadOf(newest, [destination])];
    }),
  );
}

/** The upload that the last of the destinations confirmed. */
function lastUploadOf(dump: KnownDump | undefined, destinations: readonly Destination[]): Status['lastUpload'] {
  const receipts = destinations.flatMap(({ name }) => dump?.receipts.get(name) ?? []);
  const last = receipts.toSorted((a, b) => Date.parse(a.confirmedAt) - Date.parse(b.confirmedAt)).at(-1);
  return last && { name: last.name, confirmedAt: new Date(last.confirmedAt) };
}

function formatStatuses(statuses: readonly Status[], now: Date): string {
  const heading = ['DATABASE', 'LAST DUMP', 'LAST UPLOAD', 'RESTORE TEST', 'NEXT RUN', 'HEALTH'];
  const ago = (time: Date): string => `${formatAge(time, now)} ago`;
  const rows = statuses.map(
    ({ server, database, newest, isLocal, lastUpload, lastRestoreTest: test, nextRun, isHealthy }) => [
      formatName(formatTarget({ server, database })),
      newest === undefined
        ? 'never'
        : `${ago(new Date(newest.manifest.takenAt))}${isSuspect(newest) ? ', suspect' : ''}`,
      lastUpload === undefined ? (isLocal ? 'local only' : 'never') : ago(lastUpload.confirmedAt),
      test === undefined ? 'never' : `${test.result.replaceAll('-', ' ')}, ${ago(new Date(test.testedAt))}`,
      nextRun === undefined ? '?' : nextRun <= now ? 'due' : formatAge(nextRun, now),
      isHealthy ? 'healthy' : 'NOT HEALTHY',
    ],
  );
  const reasons = statuses.flatMap(({ server, database, reasons, warnings }) =>
    [...reasons, ...warnings].map((reason) => formatName(`${formatTarget({ server, database })}: ${reason}`)),
  );
  const rehearsals = statuses.flatMap(({ server, database, lastRestoreTest: test }) =>
    describeRehearsal(test?.rehearsal)
      .slice(0, 1)
      .map((sentence) => formatName(`${formatTarget({ server, database })}: ${sentence}`)),
  );
  return [formatTable(heading, rows), ...reasons, ...rehearsals].join('\n');
}

/** Documented in docs/command-line.md: fields are added, never changed. */
function toJson(statuses: readonly Status[], gone: readonly Gone[] | undefined, faults: readonly string[]): string {
  const databases = statuses.map((status) => ({
    ...(status.server === undefined ? {} : { server: status.server }),
    database: describeTarget(status.database),
    isHealthy: status.isHealthy,
    reasons: status.reasons,
    warnings: status.warnings,
    lastDump:
      status.newest === undefined
        ? null
        : {
            name: status.newest.manifest.name,
            takenAt: status.newest.manifest.takenAt,
            bytes: status.newest.manifest.bytes,
          },
    lastUpload: status.lastUpload ?? null,
    lastRestoreTest: status.lastRestoreTest === undefined ? null : restoreTestJson(status.lastRestoreTest),
    lastVerdict:
      status.lastVerdict === undefined
        ? null
        : {
            name: status.lastVerdict.name,
            result: status.lastVerdict.result,
            testedAt: status.lastVerdict.testedAt,
          },
    nextRunAt: status.nextRun ?? null,
    ...(status.uploads === undefined
      ? {}
      : {
          uploads: Object.fromEntries(Object.entries(status.uploads).map(([name, upload]) => [name, upload ?? null])),
          copies: status.copies ?? null,
        }),
  }));
  return JSON.stringify(
    {
      databases,
      ...(gone === undefined ? {} : { gone: gone.map(({ kept: _kept, ...each }) => each) }),
      faults: faults.map(withoutSecrets),
    },
    undefined,
    2,
  );
}
