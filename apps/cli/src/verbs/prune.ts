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
import { readSettings, targetsNamed } from '../read-settings.ts';
import { chooseServers, serverOption } from '../servers/choose-servers.ts';
import { inServer } from '../servers/current-server.ts';

const EXAMPLES = `
The dump worker alone deletes: it prunes after each dump, by the same rules.

Example:
  pgstow prune --dry-run shop
  pgstow prune --dry-run --json | jq '.verdicts[] | select(.rule == "pinned")'`;

type PruneOptions = { readonly dryRun?: true; readonly server?: string; readonly json?: true };

/** `pgstow prune --dry-run`: the retention policy's verdict on each dump, and why. */
export function addPrune(pgstow: Command): void {
  pgstow
    .command('prune')
    .description('show which dumps in the folder would be deleted now, and why; nothing is deleted')
    .argument('[database]', 'only dumps of this database')
    .option('--dry-run', 'needed: pgstow prune deletes nothing')
    .addOption(serverOption())
    .option('--json', 'print JSON (docs/command-line.md)')
    .addHelpText('after', EXAMPLES)
    .action(showVerdicts);
}

async function showVerdicts(named: string | undefined, { dryRun, server, json }: PruneOptions): Promise<void> {
  if (dryRun !== true) {
    throw misuse(
      'this command deletes nothing: the dump worker prunes after each dump',
      'Add --dry-run to see what it would delete now.',
    );
  }
  const read: ReadVerdicts[] = [];
  for (const { server: of, named: database } of chooseServers(named, server))
    read.push(await inServer(of, () => readOne(of, database)));
  const faults = read.flatMap((each) => each.faults);
  if (json === true) {
    const verdicts = read.flatMap(({ server: of, shown }) => shown.flatMap((each) => toJson(LOCAL, of, ...each)));
    console.log(JSON.stringify({ verdicts, faults }, undefined, 2));
  } else for (const each of read) printVerdicts(each);
  if (faults.length > 0) throw failure(faults.join('\n'));
}

type ReadVerdicts = {
  readonly server: string | undefined;
  readonly database: string | undefined;
  readonly folder: string;
  readonly shown: readonly (readonly [database: string, verdicts: readonly Verdict[]])[];
  readonly faults: readonly string[];
};

async function readOne(server: string | undefined, database: string | undefined): Promise<ReadVerdicts> {
  const { backup, destinations, verify } = readSettings('backup', 'destinations', 'verify');
  const { folder } = backup;
  const policy = retentionPolicyOf(backup, verify, placesOf(destinations));
  const { verdicts, faults } = await readVerdicts(folder, policy, new Date()).catch((error: unknown) => {
    throw unreadableFolder(error, folder);
  });
  const shown = [...verdicts].filter(([name]) => database === undefined || targetsNamed(database).includes(name));
  shown.sort(([a], [b]) => (a < b ? -1 : 1));
  return { server, database, folder, shown, faults };
}

function printVerdicts({ server, database, folder, shown }: ReadVerdicts): void {
  for (const [name, theirs] of shown) {
    const rows = theirs.toReversed().map(({ action, name, reason }) => [action, name, reason]);
    const title = formatName(formatTarget({ server, database: name }));
    console.log(`${title}\n${formatTable(['VERDICT', 'DUMP', 'BECAUSE'], rows)}\n`);
  }
  if (shown.length === 0) console.log(`no dump${database === undefined ? '' : ` of ${database}`} lies in ${folder}`);
}

/** Documented in docs/command-line.md: fields are added, never changed. Newest first. */
function toJson(
  place: string,
  server: string | undefined,
  database: string,
  verdicts: readonly Verdict[],
): readonly Readonly<Record<string, unknown>>[] {
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
