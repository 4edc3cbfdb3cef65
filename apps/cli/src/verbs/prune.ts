import { readDestinationVerdicts } from '@pgstow/backups/read-destination-verdicts.ts';
import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readVerdicts } from '@pgstow/catalog/folder/read-verdicts.ts';
import { retentionPolicyOf, type Verdict } from '@pgstow/catalog/policy/retention-policy.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import type { Command } from 'commander';
import { failure, misuse } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatName } from '../format/format-text.ts';
import { withoutSecrets } from '../format/keep-secrets.ts';
import { interruptible } from '../interruptible.ts';
import { fromOption, openPlaces } from '../places.ts';
import { readSettings, targetsNamed } from '../read-settings.ts';
import { chooseServers, serverOption } from '../servers/choose-servers.ts';
import { inServer } from '../servers/current-server.ts';

const EXAMPLES = `
The workers alone delete, by the same rules: the dump worker in the folder, after each
dump; the upload worker at a destination, after each upload and every hour, and only where
S3_KEEP_* or COPY_KEEP_* says how much is kept there.

Examples:
  pgstow prune --dry-run shop
  pgstow prune --dry-run --from s3
  pgstow prune --dry-run --json | jq '.verdicts[] | select(.rule == "pinned")'`;

type PruneOptions = {
  readonly dryRun?: true;
  readonly server?: string;
  readonly json?: true;
  readonly from?: string;
};

/** `pgstow prune --dry-run`: the retention policy's verdict on each dump, and why. */
export function addPrune(pgstow: Command): void {
  pgstow
    .command('prune')
    .description('show which dumps would be deleted now, and why; nothing is deleted')
    .argument('[database]', 'only dumps of this database')
    .option('--dry-run', 'needed: pgstow prune deletes nothing')
    .addOption(serverOption())
    .addOption(fromOption('only what lies at this place'))
    .option('--json', 'print JSON (docs/command-line.md)')
    .addHelpText('after', EXAMPLES)
    .action((database: string | undefined, options: PruneOptions) =>
      interruptible((signal) => showVerdicts(database, options, signal)),
    );
}

async function showVerdicts(
  named: string | undefined,
  { dryRun, server, json, from }: PruneOptions,
  signal: AbortSignal,
): Promise<void> {
  if (dryRun !== true) {
    throw misuse(
      'this command deletes nothing: the workers prune after each dump and each upload',
      'Add --dry-run to see what they would delete now.',
    );
  }
  const judged: Judged[] = [];
  for (const { server: of, named: database } of chooseServers(named, server))
    judged.push(await inServer(of, () => judgeServer(of, database, from, signal)));
  const faults = [...new Set(judged.flatMap((each) => each.faults))];
  if (json === true) {
    const verdicts = judged.flatMap(({ shown }) => shown.flatMap(toJson));
    console.log(JSON.stringify({ verdicts, faults: faults.map(withoutSecrets) }, undefined, 2));
  } else for (const each of judged) printVerdicts(each);
  if (faults.length > 0) throw failure(faults.join('\n'));
}

/** Verdicts of one place on one database, oldest dump first. */
type Shown = {
  readonly place: string;
  readonly server: string | undefined;
  readonly database: string;
  readonly verdicts: readonly Verdict[];
};

type Judged = {
  readonly shown: readonly Shown[];
  /** What else there is to say, where no JSON is wanted. */
  readonly remarks: readonly string[];
  readonly faults: readonly string[];
};

async function judgeServer(
  server: string | undefined,
  database: string | undefined,
  from: string | undefined,
  signal: AbortSignal,
): Promise<Judged> {
  const settings = readSettings('backup', 'encryption', 'destinations', 'verify');
  const { backup, destinations, verify } = settings;
  const databases = database === undefined ? undefined : targetsNamed(database);
  using stack = new DisposableStack();
  const { folder, stores } = await openPlaces(from, settings, stack);
  const shown: Shown[] = [];
  const faults: string[] = [];
  const remarks: string[] = [];
  if (folder !== undefined) {
    const policy = retentionPolicyOf(backup, verify, placesOf(destinations));
    const local = await readVerdicts(folder, policy, new Date()).catch((error: unknown) => {
      throw unreadableFolder(error, folder);
    });
    for (const [name, verdicts] of local.verdicts)
      if (databases?.includes(name) !== false) shown.push({ place: LOCAL, server, database: name, verdicts });
    faults.push(...local.faults);
  }
  for (const store of stores) {
    const place = store.destination.name;
    const keep = destinations.find(({ destination }) => destination.name === place)?.keep;
    if (keep === undefined) {
      if (from !== undefined) remarks.push(`${place} keeps all: no number is set for it`);
      continue;
    }
    const policy = { ...keep, timeZone: backup.timeZone, isTested: verify.schedule.kind !== 'off' };
    const options = { records: backup.folder, policy, databases, now: new Date(), signal };
    const there = await readDestinationVerdicts(store, options);
    for (const [name, verdicts] of there.verdicts) shown.push({ place, server, database: name, verdicts });
    faults.push(...there.faults);
  }
  if (shown.length === 0 && remarks.length === 0) {
    const where = folder === undefined ? `at ${from}` : `in ${folder}`;
    remarks.push(`no dump${database === undefined ? '' : ` of ${database}`} lies ${where}`);
  }
  shown.sort((a, b) => (a.database === b.database ? 0 : a.database < b.database ? -1 : 1));
  return { shown, remarks, faults };
}

/** A table for each database and place. The folder's has no place in its heading: mostly, it is the only one. */
function printVerdicts({ shown, remarks }: Judged): void {
  for (const { place, server, database, verdicts } of shown) {
    const rows = verdicts.toReversed().map(({ action, name, reason }) => [action, name, reason]);
    const title = formatName(formatTarget({ server, database }));
    const heading = place === LOCAL ? title : `${title} at ${place}`;
    console.log(`${heading}\n${formatTable(['VERDICT', 'DUMP', 'BECAUSE'], rows)}\n`);
  }
  for (const remark of remarks) console.log(remark);
}

/** Documented in docs/command-line.md: fields are added, never changed. Newest first. */
function toJson({ place, server, database, verdicts }: Shown): readonly Readonly<Record<string, unknown>>[] {
  return verdicts.toReversed().map((verdict) => ({
    place,
    ...(server === undefined ? {} : { server }),
    database,
    name: verdict.name,
    action: verdict.action,
    rule: verdict.action === 'keep' ? verdict.rule : null,
    reason: verdict.reason,
  }));
}
