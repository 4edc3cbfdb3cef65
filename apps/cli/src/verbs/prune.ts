import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readVerdicts } from '@pgstow/catalog/folder/read-verdicts.ts';
import { retentionPolicyOf, type Verdict } from '@pgstow/catalog/policy/retention-policy.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import type { Command } from 'commander';
import { failure, misuse } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatName } from '../format/format-text.ts';
import { readSettings, targetsNamed } from '../read-settings.ts';

const EXAMPLES = `
The dump worker alone deletes: it prunes after each dump, by the same rules.

Example:
  pgstow prune --dry-run shop
  pgstow prune --dry-run --json | jq '.verdicts[] | select(.rule == "pinned")'`;

type PruneOptions = { readonly dryRun?: true; readonly json?: true };

/** `pgstow prune --dry-run`: the retention policy's verdict on each dump, and why. */
export function addPrune(pgstow: Command): void {
  pgstow
    .command('prune')
    .description('show which dumps in the folder would be deleted now, and why; nothing is deleted')
    .argument('[database]', 'only dumps of this database')
    .option('--dry-run', 'needed: pgstow prune deletes nothing')
    .option('--json', 'print JSON (docs/command-line.md)')
    .addHelpText('after', EXAMPLES)
    .action(showVerdicts);
}

async function showVerdicts(database: string | undefined, { dryRun, json }: PruneOptions): Promise<void> {
  if (dryRun !== true) {
    throw misuse(
      'this command deletes nothing: the dump worker prunes after each dump',
      'Add --dry-run to see what it would delete now.',
    );
  }
  const { backup, destinations, verify } = readSettings('backup', 'destinations', 'verify');
  const policy = retentionPolicyOf(backup, verify, placesOf(destinations));
  const { verdicts, faults } = await readVerdicts(backup.folder, policy, new Date()).catch((error: unknown) => {
    throw unreadableFolder(error, backup.folder);
  });
  const shown = [...verdicts].filter(([name]) => database === undefined || targetsNamed(database).includes(name));
  shown.sort(([a], [b]) => (a < b ? -1 : 1));
  if (json === true) {
    console.log(JSON.stringify({ verdicts: shown.flatMap((each) => toJson(LOCAL, ...each)), faults }, undefined, 2));
    if (faults.length > 0) throw failure(faults.join('\n'));
    return;
  }
  for (const [name, theirs] of shown) {
    const rows = theirs.toReversed().map(({ action, name, reason }) => [action, name, reason]);
    console.log(`${formatName(name)}\n${formatTable(['VERDICT', 'DUMP', 'BECAUSE'], rows)}\n`);
  }
  if (shown.length === 0)
    console.log(`no dump${database === undefined ? '' : ` of ${database}`} lies in ${backup.folder}`);
  if (faults.length > 0) throw failure(faults.join('\n'));
}

/** Documented in docs/command-line.md: fields are added, never changed. Newest first. */
function toJson(
  place: string,
  database: string,
  verdicts: readonly Verdict[],
): readonly Readonly<Record<string, unknown>>[] {
  return verdicts.toReversed().map((verdict) => ({
    place,
    database,
    name: verdict.name,
    action: verdict.action,
    rule: verdict.action === 'keep' ? verdict.rule : null,
    reason: verdict.reason,
  }));
}
