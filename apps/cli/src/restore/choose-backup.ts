import { hasManifest, type Backup, type ProvenBackup } from '@pgstow/backups/list-backups.ts';
import { isOfLineage } from '@pgstow/catalog/policy/lineage-policy.ts';
import { newestByNow, newestUntil } from '@pgstow/catalog/policy/newest-dump.ts';
import { describeSuspicion } from '@pgstow/catalog/policy/suspect-dump.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import { failure, misuse, refusal } from '../exit-codes.ts';
import { formatTime } from '../format/format-text.ts';

/** A choice of backup: the newest, the newest at or before a time, or the one of that name. */
export type Wanted = 'latest' | { readonly until: Date } | { readonly name: BackupName };

const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Reads `latest`, a time (in UTC unless it says otherwise) or a backup's name. @throws ExitError for anything else */
export function parseWanted(text: string, database: string): Wanted {
  if (text === 'latest') return 'latest';
  if (isBackupName(text)) {
    const theirs = parseBackupName(text).database;
    if (theirs === database) return { name: text };
    throw misuse(`${text} is a backup of ${theirs}, not of ${database}`);
  }
  const until = TIME.test(text)
    ? new Date(/Z$|[+-]\d\d:\d\d$/.test(text) || !/:/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
    : new Date(Number.NaN);
  if (!Number.isNaN(until.getTime()) && isDay(text.slice(0, 10))) return { until };
  throw misuse(
    `expected --at latest, a time such as 2026-11-26T03:00:00Z, or the name of a backup, got ${JSON.stringify(text)}`,
  );
}

/** JavaScript reads the 30th of February as the 2nd of March: a restore would bring back a later state than was asked for. */
function isDay(text: string): boolean {
  return new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
}

/**
 * Chooses a backup among those at one place, or anywhere. A backup without a manifest is unproven: only its own name chooses
 * it.
 *
 * @param backups of the database, newest first
 * @throws ExitError if there is none, or if a time would choose between servers of which none is known to follow the other
 */
export function chooseBackup(
  backups: readonly Backup[],
  { wanted, from, now }: { readonly wanted: Wanted; readonly from: string | undefined; readonly now: Date },
): Backup {
  const there = backups.filter(({ places }) => from === undefined || places.includes(from));
  const found = findWanted(there, wanted, now);
  if (found !== undefined) return found;
  const what =
    wanted === 'latest'
      ? 'no backup'
      : 'name' in wanted
        ? wanted.name
        : `no backup until ${formatTime(wanted.until)} UTC`;
  const oldest = there.findLast(({ manifest }) => manifest !== undefined);
  const hint =
    oldest !== undefined
      ? `The oldest is of ${formatTime(oldest.takenAt)} UTC; pgstow list shows all.`
      : there[0] !== undefined
        ? `There is ${there[0].name} without a manifest; give its name to --at to restore it all the same.`
        : 'pgstow list shows what there is.';
  throw failure(`${what} is known${from === undefined ? '' : ` at ${from}`}`, hint);
}

function findWanted(there: readonly Backup[], wanted: Wanted, now: Date): Backup | undefined {
  if (typeof wanted === 'object' && 'name' in wanted) return there.find(({ name }) => name === wanted.name);
  const proven = there.filter(hasManifest).toReversed();
  const found = wanted === 'latest' ? newestByNow(proven, now) : newestUntil(proven, wanted.until);
  if (found !== undefined) assertOneLineage(found, proven);
  return found;
}

/**
 * Refuses to choose by time between backups of two servers. Where one server has taken the other's place, the acceptance of
 * its first dump says so.
 *
 * @param proven oldest first
 * @throws ExitError if backups are there before it, other than suspect ones, of a server that the chosen one does not follow
 */
function assertOneLineage(chosen: ProvenBackup, proven: readonly ProvenBackup[]): void {
  const { identity } = chosen.manifest;
  if (identity === undefined) return;
  const follows = chosen.state === 'suspect' ? { identity } : chosen.manifest;
  const rival = proven.slice(0, proven.indexOf(chosen)).findLast(({ manifest, state }) => {
    return state !== 'suspect' && manifest.identity !== undefined && !isOfLineage(follows, manifest.identity);
  });
  if (rival?.manifest.identity === undefined) return;
  const rivals = [chosen, rival].map(({ name, manifest }) => {
    return `--at ${name} is of ${manifest.identity === undefined ? '' : describeSource(manifest.identity)}`;
  });
  throw refusal(
    `there are backups of two servers under the name ${chosen.database}`,
    `Say which by its name: ${rivals.join('; ')}.`,
  );
}

/**
 * Describes why the chosen backup is suspect, and names the newest one before it that counts: a person who asks for the
 * newest backup may mean the newest whole one.
 *
 * @param backups of the database, newest first
 */
export function warnOfSuspect({ manifest, takenAt }: Backup, backups: readonly Backup[]): string {
  const why = manifest?.suspect === undefined ? '' : `: ${describeSuspicion(manifest.suspect, manifest)}`;
  const whole = backups.find((each) => {
    return each.takenAt < takenAt && ['dumped', 'uploaded', 'restored'].includes(each.state);
  });
  return `it is suspect${why}${whole === undefined ? '' : `; the newest before it that counts: --at ${whole.name}`}`;
}
